"""Layouts of classes for real configs, and for configs that no one should write."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.estimate.fixtures import HUB

from memscan.architecture import layout
from memscan.architecture.table import family


def config(repository: str) -> dict:
    return json.loads((HUB / repository / "config.json").read_bytes())


def test_llama_of_real_size() -> None:
    found = layout("LlamaForCausalLM", "llama", config("meta-llama/Llama-3.1-8B"))
    assert found.prefix == "model"
    assert found.blocks == {"model.layers.*"}
    assert sum(one.elements for one in found.expected.values() if one.kind == "p") == 8_030_261_248
    assert found.expected["model.layers.*.self_attn.k_proj.weight"].shape == (1024, 4096)
    assert found.expected["model.layers.*.self_attn.k_proj.weight"].count == 32
    assert found.expected["model.layers.*.self_attn.k_proj.bias"].count == 0
    assert not found.tied
    assert not found.opaque


def test_bert_ties_its_decoder() -> None:
    found = layout("BertForMaskedLM", "bert", config("google-bert/bert-base-cased"))
    assert ("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight") in found.tied
    assert found.blocks == {"bert.encoder.layer.*"}
    untied = layout("BertForMaskedLM", "bert", {"tie_word_embeddings": False})
    assert not untied.tied


def test_the_language_model_is_whatever_the_config_says() -> None:
    usual = layout("LlavaForConditionalGeneration", "llava", {"text_config": {"model_type": "llama"}})
    other = layout("LlavaForConditionalGeneration", "llava", {"text_config": {"model_type": "mistral"}})
    assert not usual.opaque
    assert not other.opaque
    assert "model.language_model.layers.*.self_attn.q_proj.weight" in usual.expected
    assert "model.language_model.layers.*.self_attn.q_proj.weight" in other.expected


def test_a_backbone_whose_norms_are_frozen() -> None:
    """DETR's batch norms hold buffers where those of the backbone alone hold parameters."""
    found = layout("DetrModel", "detr", {"backbone_config": {"model_type": "resnet"}})
    assert not found.opaque
    assert found.expected["backbone.model.embedder.embedder.normalization.weight"].kind == "b"
    alone = layout("ResNetModel", "resnet", {})
    assert alone.expected["embedder.embedder.normalization.weight"].kind == "p"


def test_a_backbone_that_the_table_does_not_have_makes_the_class_unknown() -> None:
    found = layout("DetrModel", "detr", {"backbone": "resnet101", "use_timm_backbone": True})
    assert any("timm_backbone" in why for why in found.opaque.values())


def test_a_config_inside_that_calls_itself_by_the_outer_name() -> None:
    """As published: Qwen2-VL's and Qwen3-VL's `vision_config` have the model type of the whole, and a class of their own."""
    for outer, class_name in (("qwen3_vl", "Qwen3VLForConditionalGeneration"), ("qwen2_vl", "Qwen2VLForConditionalGeneration")):
        named = layout(class_name, outer, {"vision_config": {"model_type": outer, "depth": 3}})
        plain = layout(class_name, outer, {"vision_config": {"depth": 3}})
        assert not named.opaque
        assert named.expected == plain.expected
        assert named.expected["model.visual.blocks.*.attn.qkv.weight"].count == 3


def test_of_two_classes_of_automodel_the_declared_one_is_made() -> None:
    kind = family("funnel")
    assert kind.chosen("AutoModel") == "FunnelModel"
    assert kind.chosen("AutoModel", "FunnelBaseModel") == "FunnelBaseModel"
    assert kind.chosen("AutoModel", "FunnelForMaskedLM") == "FunnelModel"
    assert kind.chosen("NoSuchAutoClass") is None


def test_a_class_of_another_model_type() -> None:
    found = layout("LlamaForCausalLM", "internlm3", {"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 3})
    assert found.expected["model.layers.*.self_attn.q_proj.weight"].count == 3


@pytest.mark.parametrize("word", ["nobody's", "../llama", "", "bert\0", "x" * 10_000])
def test_a_language_model_of_an_unknown_type_is_named(word: str) -> None:
    found = layout("LlavaForConditionalGeneration", "llava", {"text_config": {"model_type": word}})
    assert found.opaque
    assert all("model type" in why and len(why) < 300 for why in found.opaque.values())


CLASSES = [
    ("BertForMaskedLM", "bert"),
    ("LlamaForCausalLM", "llama"),
    ("DeepseekV3ForCausalLM", "deepseek_v3"),
    ("MixtralForCausalLM", "mixtral"),
    ("T5ForConditionalGeneration", "t5"),
    ("LlavaForConditionalGeneration", "llava"),
    ("SwinForImageClassification", "swin"),
    ("WhisperForConditionalGeneration", "whisper"),
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(min_value=-(10**600), max_value=10**600) | st.sampled_from([10**12, -1, 0])
    | st.floats() | st.text(max_size=8) | st.sampled_from(["llama", "bert", "clip_vision_model", "llava"]),
    lambda inner: st.lists(inner, max_size=5)
    | st.dictionaries(st.sampled_from(["model_type", "hidden_size", "x"]), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@st.composite
def hostile(draw: st.DrawFn) -> tuple[str, str, dict[str, object]]:
    """A class, and a config in which some of the fields that it asks for are anything."""
    name, model_type = draw(st.sampled_from(CLASSES))
    known = family(model_type).config
    fields = [*known.get("defaults", ()), *known.get("aliases", ()), *known.get("derived", ()), *known.get("subs", ()),
              "tie_word_embeddings", "id2label", "rope_parameters", "rope_scaling"]  # fmt: skip
    names = st.sampled_from([path.partition(".")[0] for path in fields])
    return name, model_type, draw(st.dictionaries(names, ANYTHING, max_size=6))


@given(hostile())
@settings(deadline=2000, suppress_health_check=[HealthCheck.too_slow])
def test_any_config_gives_a_layout(asked: tuple[str, str, dict[str, object]]) -> None:
    found = layout(*asked)
    assert found is not None
    assert all(one.elements is None or isinstance(one.elements, int) for one in found.expected.values())


def test_configs_inside_configs_come_to_an_end() -> None:
    values: dict[str, object] = {"model_type": "llava"}
    for _ in range(500):
        values = {"model_type": "llava", "text_config": values, "vision_config": values}
    found = layout("LlavaForConditionalGeneration", "llava", values)
    assert found.opaque


def test_a_config_from_before_there_were_configs_inside_counts_its_own_layers():
    values = {
        "model_type": "qwen2_5_vl", "num_hidden_layers": 2, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": 100, "vision_config": {"model_type": "qwen2_5_vl", "depth": 1},
    }  # fmt: skip
    found = layout("Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl", values)
    one = next(one for name, one in found.expected.items() if name.endswith("self_attn.q_proj.weight"))
    assert (one.count, one.shape) == (2, (32, 32))


def test_a_tower_that_the_table_has_never_seen_is_not_known():
    found = layout("Gemma4ForConditionalGeneration", "gemma4", {"vision_config": {"hidden_size": 8}})
    assert "vision_config is given, and the table knows this class without what it describes" in found.opaque.values()


def test_layers_of_a_kind_that_the_table_has_never_seen_are_not_known():
    reason = "layer_types names layers of a kind that the table knows this class without"
    assert reason in layout("LlamaForCausalLM", "llama", {"layer_types": ["conv"], "num_hidden_layers": 1}).opaque.values()
    assert not layout("LlamaForCausalLM", "llama", {"layer_types": ["full_attention"], "num_hidden_layers": 1}).opaque


def test_layers_stand_where_the_config_says():
    found = layout("Lfm2ForCausalLM", "lfm2", {"num_hidden_layers": 3, "full_attn_idxs": [1]}).expected
    assert found["model.layers.*.self_attn.q_proj.weight"].places == ((1,),)
    assert found["model.layers.*.conv.in_proj.weight"].places == ((0,), (2,))
    assert list(found["model.layers.*.operator_norm.weight"].places) == [(0,), (1,), (2,)]


def test_experts_stand_behind_the_dense_layers():
    found = layout("DeepseekV3ForCausalLM", "deepseek_v3", {"num_hidden_layers": 5, "first_k_dense_replace": 3}).expected
    experts = found["model.layers.*.mlp.experts.down_proj"]
    assert [name for name, _ in experts.named] == [f"model.layers.{number}.mlp.experts.down_proj" for number in (3, 4)]


def test_a_stage_has_its_own_number_of_blocks_and_its_own_width():
    values = {"depths": [1, 2, 1], "embed_dim": 12, "num_heads": [2, 3, 4]}
    found = layout("SwinModel", "swin", values).expected
    assert dict(found["encoder.layers.*.blocks.*.mlp.fc1.weight"].named) == {
        "encoder.layers.0.blocks.0.mlp.fc1.weight": (48, 12),
        "encoder.layers.1.blocks.0.mlp.fc1.weight": (96, 24),
        "encoder.layers.1.blocks.1.mlp.fc1.weight": (96, 24),
        "encoder.layers.2.blocks.0.mlp.fc1.weight": (192, 48),
    }
