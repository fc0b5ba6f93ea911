"""Scopes: which class a number is about, what stands beside it, and when it is the checkpoint after all."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import pytest

from memscan.architecture import layout
from memscan.errors import FormatError
from memscan.estimate import Report, estimate_weights
from memscan.model import BASE, CHECKPOINT, DECLARED, Model, Part, Role, Scopes, scopes
from memscan.tensor import TensorInfo
from tests.estimate.fixtures import REPOSITORIES, load
from tests.writers.tensors import model, tensor

BERT = {
    "model_type": "bert", "hidden_size": 8, "num_hidden_layers": 2, "intermediate_size": 12, "vocab_size": 20,
    "max_position_embeddings": 10, "type_vocab_size": 2,
}  # fmt: skip
PLAIN = ("embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight", "embeddings.LayerNorm.bias")


@cache
def fixture(repository: str) -> Scopes:
    return scopes(load(repository))


@cache
def report(repository: str, scope: str = "auto") -> Report:
    return estimate_weights(load(repository), dtypes=None, scope=scope)


def whole(class_name: str, values: Mapping[str, object] = BERT) -> list[TensorInfo]:
    """All that `class_name` saves, by its own names."""
    found = layout(class_name, str(values["model_type"]), values)
    assert found is not None
    tensors = []
    for pattern, one in found.expected.items():
        if one.kind != "n" and one.count and one.shape is not None:
            tensors += [tensor(pattern.replace("*", str(number)), one.shape) for number in range(one.count)]
    return tensors


def saved_by(class_name: str, tensors: Sequence[TensorInfo] | None = None, *, library: str = "transformers") -> Model:
    values = {**BERT, "architectures": [class_name]}
    return model(whole(class_name) if tensors is None else tensors, config=values, library=library)


class TestPublished:
    """Checkpoints as they are on the Hub: parameters and bytes of the classes, by hand."""

    @pytest.mark.parametrize(
        ("repository", "loads", "class_name", "parameters", "buffer_bytes"),
        [
            # 28,996 x 768 words and all above them; no pooled head, no cls.*; two buffers of 512 int64.
            ("google-bert/bert-base-cased", BASE, "BertModel", 108_310_272, 2 * 8 * 512),
            ("openai-community/gpt2", DECLARED, "GPT2LMHeadModel", 124_439_808, 0),
            ("google-t5/t5-small", DECLARED, "T5ForConditionalGeneration", 60_506_624, 0),
            ("bigscience/bloom", DECLARED, "BloomForCausalLM", 176_247_271_424, 0),
            ("mistralai/Mixtral-8x7B-v0.1", DECLARED, "MixtralForCausalLM", 46_702_792_704, 2 * 4 * 64),
            ("meta-llama/Llama-3.1-8B", DECLARED, "LlamaForCausalLM", 8_030_261_248, 2 * 4 * 64),
            ("Qwen/Qwen2.5-0.5B", DECLARED, "Qwen2ForCausalLM", 494_032_768, 2 * 4 * 32),
            ("Qwen/Qwen3-30B-A3B", DECLARED, "Qwen3MoeForCausalLM", 30_532_122_624, 2 * 4 * 64),
            ("sentence-transformers/all-MiniLM-L6-v2", DECLARED, "BertModel", 22_713_216, 2 * 8 * 512),
        ],
    )
    def test_what_people_load(self, repository: str, loads: str, class_name: str, parameters: int, buffer_bytes: int) -> None:
        found = fixture(repository)
        scope = found.by_name[found.loads]
        assert (found.loads, scope.class_name, scope.parameters, scope.buffer_bytes) == (
            loads, class_name, parameters, buffer_bytes,
        )  # fmt: skip
        assert scope.unknown is None

    @pytest.mark.parametrize(
        ("repository", "dense"),
        [
            ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", 8_030_261_248),
            # Llama-2-7B's 6,738,415,616, and the biases of zeros that AutoGPTQ wrote.
            ("TheBloke/Llama-2-7B-GPTQ", 6_738_415_616 + 1_359_872),
        ],
    )
    def test_a_packed_weight_counts_its_logical_elements(self, repository: str, dense: int) -> None:
        assert {fixture(repository).by_name[name].parameters for name in (CHECKPOINT, DECLARED)} == {dense}

    def test_a_base_model_lacks_its_head(self) -> None:
        """Llama's output embeddings are as large as its input ones, and not tied to them."""
        found = fixture("meta-llama/Llama-3.1-8B").by_name
        assert found[BASE].parameters == 8_030_261_248 - 128_256 * 4096
        assert [one.name for one in found[BASE].ignored] == ["lm_head.weight"]
        assert found[DECLARED].ignored == ()

    def test_a_tie_is_said_and_held_once(self) -> None:
        found = fixture("openai-community/gpt2").by_name[DECLARED]
        assert [one.name for one in found.tied] == ["lm_head.weight"]
        assert found.parameters == fixture("openai-community/gpt2").by_name[BASE].parameters

    def test_masks_that_releases_no_longer_hold_are_ignored(self) -> None:
        found = fixture("openai-community/gpt2").by_name
        assert found[CHECKPOINT].buffer_bytes == 12 * 1024 * 1024 * 4
        assert {one.name for one in found[BASE].ignored} == {f"h.{number}.attn.bias" for number in range(12)}

    @pytest.mark.parametrize("repository", REPOSITORIES)
    def test_every_scope_is_the_sum_of_its_tensors(self, repository: str) -> None:
        for scope in fixture(repository).by_name.values():
            if scope.parameters is not None:
                assert scope.nbytes == sum(one.nbytes for one in scope.tensors), scope.name
                assert len({one.name for one in scope.tensors}) == len(scope.tensors), scope.name
        assert fixture(repository).by_name[CHECKPOINT].nbytes == load(repository).checkpoint.nbytes

    @pytest.mark.parametrize("repository", REPOSITORIES)
    def test_two_readings_of_one_model_are_equal(self, repository: str) -> None:
        assert estimate_weights(load(repository), dtypes=None, scope="auto") == report(repository)


class TestLargestLayer:
    @pytest.mark.parametrize(
        ("repository", "scope", "name"),
        [
            ("google-bert/bert-base-cased", "auto", "embeddings.word_embeddings"),
            ("google-bert/bert-base-cased", CHECKPOINT, "bert.embeddings.word_embeddings"),
            ("openai-community/gpt2", "auto", "transformer.wte"),
            ("openai-community/gpt2", CHECKPOINT, "wte"),
            ("google-t5/t5-small", "auto", "shared"),
            ("bigscience/bloom", "auto", "transformer.word_embeddings"),
            ("bigscience/bloom", CHECKPOINT, "word_embeddings"),
            ("mistralai/Mixtral-8x7B-v0.1", "auto", "model.layers.0"),
            ("mistralai/Mixtral-8x7B-v0.1", BASE, "layers.0"),
            ("Qwen/Qwen3-30B-A3B", "auto", "model.layers.0"),
            ("Qwen/Qwen3-30B-A3B", CHECKPOINT, "model.layers.0"),
            ("meta-llama/Llama-3.1-8B", "auto", "model.embed_tokens"),
            ("timm/resnet50.a1_in1k", "auto", "layer4.0.conv2"),
        ],
    )
    def test_it_has_its_name_in_the_scope(self, repository: str, scope: str, name: str) -> None:
        layer = report(repository, scope).largest_layer
        assert layer is not None
        assert layer.name == name

    def test_a_merged_expert_stays_in_its_block(self) -> None:
        """One layer of Mixtral: attention, eight experts of three matrices, the router, two norms."""
        layer = report("mistralai/Mixtral-8x7B-v0.1").largest_layer
        assert layer is not None
        attention, experts = 2 * 4096 * 4096 + 2 * 4096 * 1024, 8 * 3 * 4096 * 14_336
        assert layer.parameters == attention + experts + 8 * 4096 + 2 * 4096

    def test_blocks_are_those_of_the_class_and_not_those_of_the_names(self) -> None:
        """Numbered modules of a class that may be split are leaf modules; of one that is not known, blocks."""
        tensors = [tensor("pooler.layer.0.weight", (50,)), tensor("pooler.layer.0.dense.weight", (50,))]
        known = estimate_weights(saved_by("BertModel", [*whole("BertModel"), *tensors]), dtypes=None, scope=CHECKPOINT)
        other = estimate_weights(model(tensors), dtypes=None, scope=CHECKPOINT)
        assert other.largest_layer is not None
        assert (other.largest_layer.name, other.largest_layer.parameters) == ("pooler.layer.0", 100)
        assert known.largest_layer is not None
        assert known.largest_layer.name == "encoder.layer.0"

    def test_a_tensor_beside_modules_stands_alone(self) -> None:
        tensors = [tensor("a.weight", (3,)), tensor("a.table", (4,)), tensor("a.b.weight", (6,))]
        found = estimate_weights(model(tensors), dtypes=None, scope="auto").largest_layer
        assert found is not None
        assert (found.name, found.parameters) == ("a.b", 6)


class TestWhichPeopleLoad:
    @pytest.mark.parametrize(
        ("declared", "loads", "class_name"),
        [
            ("BertModel", DECLARED, "BertModel"),
            ("BertForPreTraining", BASE, "BertModel"),
            ("BertForMaskedLM", BASE, "BertModel"),
            ("BertForSequenceClassification", DECLARED, "BertForSequenceClassification"),
            ("BertForQuestionAnswering", DECLARED, "BertForQuestionAnswering"),
        ],
    )
    def test_a_head_that_only_serves_training_is_left_out(self, declared: str, loads: str, class_name: str) -> None:
        found = scopes(saved_by(declared))
        assert (found.loads, found.by_name[found.loads].class_name, found.notes) == (loads, class_name, ())
        assert found.by_name[DECLARED].class_name == declared

    @pytest.mark.parametrize("declared", ["BertForPreTraining", "BertForMaskedLM", "BertForSequenceClassification"])
    def test_the_same_base_model_is_in_all_of_them(self, declared: str) -> None:
        """The pooler that a masked model lacks is made; heads are ignored."""
        found, own = scopes(saved_by(declared)).by_name[BASE], scopes(saved_by("BertModel")).by_name[BASE]
        assert {one.name: one.shape for one in found.tensors} == {one.name: one.shape for one in own.tensors}
        assert (found.parameters, found.nbytes) == (own.parameters, own.nbytes)
        assert {one.name for one in found.ignored} == {one.name for one in whole(declared) if not one.name.startswith("bert.")}

    @pytest.mark.parametrize(
        "config",
        [
            None,
            {},
            {**BERT, "model_type": "nobody's", "architectures": ["BertModel"]},
            {**BERT, "model_type": None, "architectures": ["BertModel"]},
        ],
    )
    def test_without_a_model_type_there_is_the_checkpoint_alone(self, config: dict[str, object] | None) -> None:
        found = scopes(model(whole("BertModel"), config=config))
        assert (list(found.by_name), found.loads, found.notes) == ([CHECKPOINT], CHECKPOINT, ())

    @pytest.mark.parametrize("declared", [["NobodysModel"], ["LlamaModel"], [""], [], None])
    def test_a_class_that_is_not_known_leaves_the_checkpoint(self, declared: object) -> None:
        found = scopes(model(whole("BertModel"), config={**BERT, "architectures": declared}))
        assert found.loads == CHECKPOINT
        assert DECLARED not in found.by_name
        assert found.by_name[BASE].class_name == "BertModel"

    @pytest.mark.parametrize("wrong", [{"model_type": ["bert"]}, {"architectures": "BertModel"}, {"architectures": [7]}])
    def test_words_of_a_wrong_type_are_the_fault_of_the_config(self, wrong: dict[str, object]) -> None:
        with pytest.raises(FormatError, match=r"^config\.json: '(model_type|architectures)' is a "):
            scopes(model(whole("BertModel"), config={**BERT, "architectures": ["BertModel"], **wrong}))

    @pytest.mark.parametrize("library", ["timm", "diffusers", "gguf", "nobody's"])
    def test_another_library_has_no_class_of_transformers(self, library: str) -> None:
        assert list(scopes(saved_by("BertModel", library=library)).by_name) == [CHECKPOINT]

    def test_neither_has_a_gguf_file(self) -> None:
        own = saved_by("BertModel")
        own = replace(own, checkpoint=replace(own.checkpoint, format="gguf"))
        assert list(scopes(own).by_name) == [CHECKPOINT]

    def test_nor_has_a_model_that_is_made_of_parts(self) -> None:
        own = saved_by("BertModel")
        part = Part(name="model", role=Role.BASE, class_name="BertModel", library="transformers", checkpoint=own.checkpoint)
        assert list(scopes(replace(own, parts=(part,))).by_name) == [CHECKPOINT]


class TestUnknown:
    """Where a class cannot be known exactly, the numbers are the checkpoint's, and it is said why."""

    TENSORS = (tensor("model.language_model.norm.weight", (8,)),)
    VALUES: Mapping[str, object] = {
        "model_type": "llava", "architectures": ["LlavaForConditionalGeneration"],
        "text_config": {"model_type": "nobody's"}, "vision_config": {"model_type": "clip_vision_model"},
    }  # fmt: skip

    def test_the_default_is_the_checkpoint(self) -> None:
        found = scopes(model(self.TENSORS, config=self.VALUES))
        assert found.loads == CHECKPOINT
        (note,) = found.notes
        assert note.code == "scope-unknown"
        assert note.message.startswith("what LlavaForConditionalGeneration holds is not known exactly")
        assert "nobody's" in note.message

    @pytest.mark.parametrize("asked", ["auto", DECLARED, BASE])
    def test_so_it_is_where_a_class_was_asked_for(self, asked: str) -> None:
        found = estimate_weights(model(self.TENSORS, config=self.VALUES), dtypes=None, scope=asked)
        assert (found.scope, found.estimates[0].total_bytes) == (CHECKPOINT, 32)
        assert {note.code for note in found.notes} == {"scope-unknown"}
        assert all("nobody's" in note.message for note in found.notes)

    @pytest.mark.parametrize("asked", [DECLARED, BASE])
    def test_a_scope_that_is_not_there_is_said(self, asked: str) -> None:
        found = estimate_weights(model([tensor("a.weight", (8,))]), dtypes=None, scope=asked)
        assert (found.scope, [note.code for note in found.notes]) == (CHECKPOINT, ["scope-unknown"])
        assert f"the scope {asked} is not known" in found.notes[0].message

    def test_packing_that_is_not_known_hides_the_parameters_of_every_scope(self) -> None:
        packed = [tensor("embeddings.word_embeddings.weight", (20, 4), "U8"), *(tensor(name, (8,)) for name in PLAIN[1:])]
        values = {**BERT, "architectures": ["BertModel"], "quantization_config": {"quant_method": "nobody's"}}
        found = scopes(model(packed, config=values))
        assert found.loads == CHECKPOINT
        assert {scope.parameters for scope in found.by_name.values()} == {None}
        assert all("nobody's" in (scope.unknown or "") for scope in found.by_name.values())
        assert found.by_name[CHECKPOINT].nbytes == 80 + 64
