"""What a class holds of a checkpoint: ties, prefixes, old names, merged experts, layers beyond the config, and what is made."""

import sys
from functools import reduce
from types import FrameType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memscan.architecture import layout
from memscan.architecture.rename import Rename
from memscan.estimate import estimate_weights
from memscan.loading import Loaded, load
from memscan.report.json import render
from memscan.tensor import TensorInfo
from tests.architecture.test_layout import hostile
from tests.writers.tensors import model, tensor

BERT = {
    "model_type": "bert", "hidden_size": 8, "num_hidden_layers": 2, "intermediate_size": 12, "vocab_size": 20,
    "max_position_embeddings": 10, "type_vocab_size": 2,
}  # fmt: skip
ROBERTA = {**BERT, "model_type": "roberta"}
LLAMA = {
    "model_type": "llama", "hidden_size": 8, "num_hidden_layers": 2, "intermediate_size": 12, "vocab_size": 20,
    "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4,
}  # fmt: skip
MIXTRAL = {**LLAMA, "model_type": "mixtral", "num_local_experts": 4}
DEEPSEEK = {
    **LLAMA, "model_type": "deepseek_v3", "num_key_value_heads": 2, "moe_intermediate_size": 4, "n_routed_experts": 4,
    "n_shared_experts": 1, "q_lora_rank": 4, "kv_lora_rank": 4, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 4,
    "first_k_dense_replace": 1,
}  # fmt: skip


def stored(class_name: str, values: dict[str, object], *, without: tuple[str, ...] = ()) -> list[TensorInfo]:
    """A whole checkpoint of a class, by its own names."""
    found = layout(class_name, values["model_type"], values)
    tensors = []
    for pattern, one in found.expected.items():
        if one.kind != "n" and one.count and not pattern.startswith(without or ("\0",)):
            first, *more = [pattern]
            numbers = range(one.count) if "*" in first else [None]
            tensors += [tensor(first if each is None else first.replace("*", str(each), 1), one.shape) for each in numbers]
            assert not more
    return tensors


def loaded(class_name: str, values: dict[str, object], tensors: list[TensorInfo]) -> Loaded:
    return load(tensors, layout(class_name, values["model_type"], values))


def names(tensors: tuple[TensorInfo, ...]) -> set[str]:
    return {each.name for each in tensors}


def parameters(found: Loaded) -> int:
    return sum(each.elements for each in found.tensors if not each.buffer)


EMBEDDING, DECODER = "bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"


@pytest.mark.parametrize("absent", [(), (DECODER,), (EMBEDDING,), (DECODER, "cls.predictions.decoder.bias")])
def test_ties_are_held_once_however_they_are_stored(absent: tuple[str, ...]) -> None:
    whole = [each for each in stored("BertForMaskedLM", BERT) if each.name not in absent]
    found = loaded("BertForMaskedLM", BERT, whole)
    assert found.unknown is None
    assert parameters(found) == sum(each.elements for each in stored("BertForMaskedLM", BERT)) - 20 * 8 - 20
    assert {DECODER, EMBEDDING} & names(found.tied)
    assert not [each for each in found.created if not each.buffer]


def test_untied_both_are_held() -> None:
    values = {**BERT, "tie_word_embeddings": False}
    whole = stored("BertForMaskedLM", values)
    found = loaded("BertForMaskedLM", values, whole)
    assert parameters(found) == sum(each.elements for each in whole)
    assert not found.tied


def test_the_layer_that_predicts_a_further_token_is_ignored() -> None:
    """DeepSeek-V3 stores it as layer 61, behind the 61 that the config counts; transformers does not load it."""
    whole = stored("DeepseekV3ForCausalLM", DEEPSEEK)
    beyond = [tensor("model.layers.2.eh_proj.weight", (8, 16)), tensor("model.layers.2.self_attn.o_proj.weight", (8, 8)),
              tensor("model.layers.2.shared_head.head.weight", (20, 8))]  # fmt: skip
    found = loaded("DeepseekV3ForCausalLM", DEEPSEEK, [*whole, *beyond])
    assert names(found.ignored) == names(tuple(beyond))
    assert parameters(found) == parameters(loaded("DeepseekV3ForCausalLM", DEEPSEEK, whole))


def test_the_base_model_of_a_masked_one_makes_its_pooler() -> None:
    whole = stored("RobertaForMaskedLM", ROBERTA)
    found = loaded("RobertaModel", ROBERTA, whole)
    made = {each.name: each.shape for each in found.created if not each.buffer}
    assert made == {"pooler.dense.weight": (8, 8), "pooler.dense.bias": (8,)}
    assert all(name.startswith("lm_head.") for name in names(found.ignored))
    assert found.ignored
    assert found.unknown is None


def test_a_prefix_is_taken_away_and_put_before() -> None:
    head, base = stored("LlamaForCausalLM", LLAMA), stored("LlamaModel", LLAMA)
    taken = loaded("LlamaModel", LLAMA, head)
    assert names(taken.tensors) >= names(tuple(base))
    assert names(taken.ignored) == {"lm_head.weight"}
    put = loaded("LlamaForCausalLM", LLAMA, base)
    assert names(put.tensors) >= names(tuple(head)) - {"lm_head.weight"}
    assert [(each.name, each.shape) for each in put.created if not each.buffer] == [("lm_head.weight", (20, 8))]
    assert not put.ignored


def test_the_experts_of_mixtral_are_merged() -> None:
    whole = stored("MixtralForCausalLM", MIXTRAL)
    apart: list[TensorInfo] = []
    for each in whole:
        if ".mlp.experts." not in each.name:
            apart.append(tensor(each.name.replace(".mlp.", ".block_sparse_moe."), each.shape))
    for layer in range(2):
        for expert in range(4):
            before = f"model.layers.{layer}.block_sparse_moe.experts.{expert}"
            apart += [
                tensor(f"{before}.w1.weight", (12, 8)),
                tensor(f"{before}.w2.weight", (8, 12)),
                tensor(f"{before}.w3.weight", (12, 8)),
            ]
    found = loaded("MixtralForCausalLM", MIXTRAL, apart)
    assert not found.ignored
    assert not [each for each in found.created if not each.buffer]
    assert parameters(found) == sum(each.elements for each in whole) == sum(each.elements for each in apart)
    assert {each.name for each in found.tensors if "experts" in each.name} == {
        f"model.layers.{layer}.mlp.experts.{name}" for layer in range(2) for name in ("gate_up_proj", "down_proj")
    }


def test_names_of_early_releases() -> None:
    whole = stored("BertModel", BERT)
    early = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    old = [tensor(reduce(lambda name, word: name.replace(word, early[word]), early, each.name), each.shape) for each in whole]
    assert names(tuple(old)) != names(tuple(whole))
    found = loaded("BertModel", BERT, old)
    assert names(found.tensors) >= names(tuple(whole))
    assert not found.ignored


def test_a_number_that_a_rename_is_about_is_no_number_of_a_layer() -> None:
    """BEiT's first pyramid is a sequence whose members are stored by their numbers, and held by their names."""
    values = {"model_type": "beit", "hidden_size": 8, "num_hidden_layers": 1, "out_indices": [0, 0, 0, 0]}
    old = [tensor("fpn1.0.weight", (8, 8, 2, 2)), tensor("fpn1.1.weight", (8,)), tensor("fpn1.3.weight", (8, 8, 2, 2))]
    found = loaded("BeitForSemanticSegmentation", values, old)
    assert not found.ignored
    held = {each.name: each.shape for each in found.tensors if each.name.startswith("fpn.fpn1.") and each.name.endswith("weight")}
    assert held == {
        "fpn.fpn1.conv_transpose1.weight": (8, 8, 2, 2), "fpn.fpn1.normalization.weight": (8,),
        "fpn.fpn1.conv_transpose2.weight": (8, 8, 2, 2),
    }  # fmt: skip


def test_what_a_class_makes_in_a_dtype_of_its_own_is_held_in_it() -> None:
    """XLNet's relative attention is float32 whatever the model is, and the loader casts what is stored to it."""
    values = {"model_type": "xlnet", "d_model": 8, "n_layer": 1, "n_head": 2, "d_head": 4, "d_inner": 16, "vocab_size": 20}
    stored_ = [tensor("transformer.layer.0.rel_attn.q", (8, 2, 4), "BF16"),
               tensor("transformer.layer.0.ff.layer_1.weight", (16, 8), "BF16")]  # fmt: skip
    found = {each.name: (each.dtype.name, each.nbytes) for each in loaded("XLNetModel", values, stored_).tensors}
    assert found["layer.0.rel_attn.q"] == ("F32", 4 * 64)
    assert found["layer.0.ff.layer_1.weight"] == ("BF16", 2 * 128)


def test_tensors_of_one_pattern_that_differ_in_shape_are_made_one_by_one() -> None:
    values = {"model_type": "sam", "mask_decoder_config": {"hidden_size": 8, "iou_head_depth": 4, "iou_head_hidden_dim": 16}}
    found = loaded("SamModel", values, [])
    made = {
        each.name: each.shape for each in found.created if "iou_prediction_head" in each.name and each.name.endswith("weight")
    }
    assert sorted(made.values()) == sorted([(16, 8), (16, 16), (16, 16), (4, 16)])


def test_what_is_stored_of_some_layers_is_made_in_the_others_that_the_config_counts() -> None:
    whole = stored("LlamaForCausalLM", LLAMA)
    exact = parameters(loaded("LlamaForCausalLM", LLAMA, whole))
    gone = {"model.layers.1.mlp.down_proj.weight", "model.layers.0.input_layernorm.weight"}
    found = loaded("LlamaForCausalLM", LLAMA, [each for each in whole if each.name not in gone])
    assert {each.name for each in found.created if not each.buffer} == gone
    assert parameters(found) == exact
    half = loaded("LlamaForCausalLM", LLAMA, [each for each in whole if ".layers.1." not in each.name])
    assert parameters(half) == exact
    deeper = {**LLAMA, "num_hidden_layers": 3}
    layer = sum(each.elements for each in whole if ".layers.1." in each.name)
    assert parameters(loaded("LlamaForCausalLM", deeper, whole)) == exact + layer


def test_a_parameter_that_the_table_lacks_in_a_layer_that_it_has_is_held() -> None:
    """It belongs to a switch that was not seen to do anything: too much is said rather than too little."""
    odd = [tensor("bert.encoder.layer.1.attention.output.gate", (8,))]
    found = loaded("BertForMaskedLM", BERT, [*stored("BertForMaskedLM", BERT), *odd])
    assert not found.ignored
    assert names(found.tensors) >= names(tuple(odd))


def test_a_decoder_that_is_not_stored_is_made_block_by_block() -> None:
    values = {"model_type": "t5", "d_model": 8, "d_ff": 12, "d_kv": 4, "num_heads": 2, "num_layers": 2, "vocab_size": 20}
    found = loaded("T5Model", values, [tensor("shared.weight", (20, 8))])
    decoder = [each for each in found.created if each.name.startswith("decoder.block.")]
    assert {each.name.split(".")[2] for each in decoder} == {"0", "1"}
    assert len([each for each in decoder if each.name.endswith("layer_norm.weight")]) == 2 * 3


def test_what_stands_nowhere_is_ignored_by_the_name_it_is_stored_under() -> None:
    found = loaded("BertModel", BERT, [*stored("BertModel", BERT), tensor("optimizer.step", (3,)), tensor("", (2,))])
    assert names(found.ignored) == {"optimizer.step", ""}


def test_a_language_model_of_an_unknown_type_is_unknown_with_the_reason() -> None:
    values = {
        "model_type": "llava",
        "text_config": {"model_type": "nobody's"},
        "vision_config": {"model_type": "clip_vision_model"},
    }
    found = loaded("LlavaForConditionalGeneration", values, [tensor("language_model.model.norm.weight", (8,))])
    assert "nobody's" in found.unknown


def test_a_config_of_a_million_million_layers_is_read_in_no_time() -> None:
    values = {**LLAMA, "num_hidden_layers": 10**12}
    found = loaded("LlamaForCausalLM", values, stored("LlamaForCausalLM", LLAMA))
    assert len(found.tensors) < 100


@pytest.mark.parametrize("digits", [12, 30, 1000, 4000])
def test_numbers_that_no_model_has_give_a_report(digits: int) -> None:
    values = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
    huge = dict.fromkeys(("hidden_size", "vocab_size", "num_hidden_layers", "intermediate_size"), 10**digits)
    report = estimate_weights(model([tensor("model.norm.weight")], config={**values, **huge}), dtypes=None, scope="auto")
    assert render([report])


STORED = {name: stored(name, values) for name, values in {"BertForMaskedLM": BERT, "LlamaForCausalLM": LLAMA}.items()}
WORDS = st.sampled_from(
    ["model", "bert", "layers", "encoder", "layer", "0", "7", "weight", "gamma", "", "experts", "lm_head", "*"]
)
ODD = st.lists(WORDS, max_size=7).map(".".join).map(lambda name: tensor(name, (3, 2)))


@given(hostile(), st.sampled_from(sorted(STORED)), st.lists(ODD, max_size=6))
@settings(deadline=4000, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_any_config_and_any_names_give_a_report(
    asked: tuple[str, str, dict[str, object]], kept: str, odd: list[TensorInfo]
) -> None:
    class_name, model_type, values = asked
    once = {each.name: each for each in [*STORED[kept], *odd]}
    scanned = model(once.values(), config={**values, "model_type": model_type, "architectures": [class_name]})
    for scope in ("auto", "declared", "base", "checkpoint"):
        report = estimate_weights(scanned, dtypes=None, scope=scope)
        assert report.scopes["checkpoint"].nbytes == sum(each.nbytes for each in once.values())
        assert render([report])


def test_what_holds_for_a_pattern_is_worked_out_once() -> None:
    """The rules of a class are applied as often for ten times the layers and experts."""
    counts = [
        _applied({**DEEPSEEK, "num_hidden_layers": layers, "n_routed_experts": experts}) for layers, experts in ((3, 4), (30, 8))
    ]
    assert counts[0] == counts[1] > 0


def _applied(values: dict[str, object]) -> int:
    """How often a rename is tried on a name."""
    tensors = stored("DeepseekV3ForCausalLM", values)
    found = layout("DeepseekV3ForCausalLM", values["model_type"], values)
    calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code is Rename.apply.__code__

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        load(tensors, found)
    finally:
        sys.setprofile(before)
    return calls
