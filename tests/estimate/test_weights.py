"""The seed's estimate: exact figures of known checkpoints, and of any checkpoint against a count tensor by tensor."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.dtype import CASTS
from memscan.estimate import AS_STORED, AUTO, Report, WeightEstimate, estimate_weights
from memscan.item import Basis
from memscan.model import BASE, CHECKPOINT, DECLARED, Alternative, Model
from memscan.tensor import TensorInfo
from memscan.units import seed_bytes
from tests.writers.safetensors import BITS
from tests.writers.tensors import model, tensor

from .fixtures import REPOSITORIES, load

SEED = ["float32", "float16", "int8", "int4"]
QUANTIZED = {"quantization_config": {"quant_method": "gptq"}}
PACKED = ("TheBloke/Llama-2-7B-GPTQ", "RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16")


@cache
def fixture(repository: str) -> Report:
    return estimate_weights(load(repository), dtypes=None, scope=CHECKPOINT)


@cache
def loaded(repository: str) -> Report:
    """The report on the class that people load."""
    return estimate_weights(load(repository), dtypes=None, scope=AUTO)


def report(*tensors: TensorInfo, dtypes: Sequence[str] | None = None, **more) -> Report:
    return estimate_weights(model(tensors, **more), dtypes=dtypes, scope=CHECKPOINT)


def printed(found: Report) -> dict[str, tuple[str, str, str]]:
    return {
        row.dtype: (seed_bytes(row.largest_layer_bytes), seed_bytes(row.total_bytes), seed_bytes(row.training_bytes or 0))
        for row in found.estimates
    }


def dtypes(found: Report) -> list[str]:
    return [row.dtype for row in found.estimates]


def row_of(found: Report, dtype: str) -> WeightEstimate:
    return next(row for row in found.estimates if row.dtype == dtype)


class TestKnownCheckpoints:
    def test_resnet50_has_the_four_rows_of_the_seed(self) -> None:
        found = fixture("timm/resnet50.a1_in1k")
        assert printed(found) == {
            "float32": ("9.0 MB", "97.7 MB", "390.78 MB"),
            "float16": ("4.5 MB", "48.85 MB", "195.39 MB"),
            "int8": ("2.25 MB", "24.42 MB", "97.7 MB"),
            "int4": ("1.12 MB", "12.21 MB", "48.85 MB"),
        }
        assert row_of(found, "float32").total_bytes == 102_441_032

    def test_resnet50_has_its_parameters_and_statistics(self) -> None:
        found = fixture("timm/resnet50.a1_in1k")
        scope = found.scopes[CHECKPOINT]
        assert scope.parameters == 25_557_032
        assert sum(one.elements for one in scope.tensors) - scope.parameters == 53_173
        assert (scope.parameter_bytes, scope.buffer_bytes) == (25_557_032 * 4, 102_441_032 - 25_557_032 * 4)

    def test_idefics_has_one_decoder_layer_as_its_largest(self) -> None:
        found = fixture("HuggingFaceM4/idefics-80b-instruct")
        rows = printed(found)
        assert [rows[dtype][0] for dtype in SEED] == ["3.02 GB", "1.51 GB", "772.02 MB", "386.01 MB"]
        assert rows["float32"][1] == "297.9 GB"
        assert found.largest_layer is not None
        assert (found.largest_layer.name, found.largest_layer.parameters) == ("model.layers.0", 809_517_056)

    def test_idefics_shows_its_stored_bfloat16(self) -> None:
        found = fixture("HuggingFaceM4/idefics-80b-instruct")
        assert dtypes(found) == ["float32", "float16", "bfloat16", "int8", "int4"]
        assert [(row.dtype, row.total_bytes) for row in found.estimates if row.stored] == [("bfloat16", 159_935_687_248)]

    def test_bert_has_its_embeddings_as_its_largest(self) -> None:
        found = fixture("google-bert/bert-base-cased")
        assert printed(found)["float32"][:2] == ("84.95 MB", "415.55 MB")
        assert dtypes(found) == SEED
        assert found.largest_layer is not None
        assert found.largest_layer.name == "bert.embeddings.word_embeddings"
        assert found.scopes[CHECKPOINT].parameters == 108_932_934

    def test_bert_has_the_four_rows_of_the_seed_as_people_load_it(self) -> None:
        found = loaded("google-bert/bert-base-cased")
        assert printed(found) == {
            "float32": ("84.95 MB", "413.18 MB", "1.61 GB"),
            "float16": ("42.47 MB", "206.59 MB", "826.37 MB"),
            "int8": ("21.24 MB", "103.3 MB", "413.2 MB"),
            "int4": ("10.62 MB", "51.65 MB", "206.62 MB"),
        }
        assert found.largest_layer is not None
        assert found.largest_layer.name == "embeddings.word_embeddings"

    def test_bert_says_what_its_head_takes(self) -> None:
        found = loaded("google-bert/bert-base-cased")
        (note,) = found.notes
        assert note.code == "ignored"
        assert note.message.startswith("BertModel does not load 7 stored tensors (2.38 MiB): cls.predictions.bias, ")
        assert note.message.endswith(", ...")
        assert found.scopes[BASE].parameter_bytes == 433_241_088

    def test_bert_has_three_scopes(self) -> None:
        """Parameters as transformers counts them, `num_parameters()` of each class."""
        found = loaded("google-bert/bert-base-cased")
        assert found.scope == BASE
        assert {(one.name, one.class_name, one.parameters, one.buffer_bytes) for one in found.scopes.values()} == {
            (CHECKPOINT, None, 108_932_934, 0),
            (DECLARED, "BertForMaskedLM", 108_340_804, 8192),
            (BASE, "BertModel", 108_310_272, 8192),
        }

    def test_gpt2_is_loaded_with_its_head_and_without_its_masks(self) -> None:
        found = loaded("openai-community/gpt2")
        assert (found.scope, found.notes) == (DECLARED, ())
        assert found.scopes[DECLARED].class_name == "GPT2LMHeadModel"
        assert row_of(found, "float32").total_bytes == 4 * 124_439_808
        assert found.largest_layer is not None
        assert found.largest_layer.name == "transformer.wte"

    @pytest.mark.parametrize(
        ("repository", "parameters", "nbytes"),
        [
            ("meta-llama/Llama-3.1-8B", 8_030_261_248, 16_060_522_496),
            ("mistralai/Mixtral-8x7B-v0.1", 46_702_792_704, 93_405_585_408),
            ("Qwen/Qwen3-30B-A3B", 30_532_122_624, 61_064_245_248),
            ("Qwen/Qwen2.5-0.5B", 494_032_768, 988_065_536),
            ("bigscience/bloom", 176_247_271_424, 352_494_542_848),
            ("openai-community/gpt2", 124_439_808, 548_090_880),
            ("sentence-transformers/all-MiniLM-L6-v2", 22_713_216, 90_856_960),
        ],
    )
    def test_a_checkpoint_has_its_published_parameters_and_bytes(self, repository: str, parameters: int, nbytes: int) -> None:
        scope = fixture(repository).scopes[CHECKPOINT]
        assert (scope.parameters, scope.nbytes) == (parameters, nbytes)

    def test_a_quantized_checkpoint_has_the_rows_of_the_dense_one(self) -> None:
        found, dense = fixture("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16"), fixture("meta-llama/Llama-3.1-8B")
        assert dtypes(found) == [AS_STORED, *SEED]
        assert [note.code for note in found.notes] == ["dequantizes"]
        assert found.scopes[CHECKPOINT].parameters == dense.scopes[CHECKPOINT].parameters == 8_030_261_248
        assert found.estimates[1:] == tuple(
            replace(row, stored=False, basis=Basis.DERIVED) for row in dense.estimates if row.dtype in SEED
        )

    def test_a_gptq_checkpoint_has_the_rows_of_the_dense_one_and_its_biases(self) -> None:
        """6,738,415,616 is what Meta's Llama-2-7B has; AutoGPTQ adds a bias to each of the seven projections of 32 layers."""
        found = fixture("TheBloke/Llama-2-7B-GPTQ")
        biases = 4 * 4096 + 2 * 11_008 + 4096
        layer = 4 * 4096**2 + 3 * 4096 * 11_008 + 2 * 4096 + biases
        assert dtypes(found) == [AS_STORED, *SEED]
        assert [note.code for note in found.notes] == ["packed-biases"]
        assert found.scopes[CHECKPOINT].parameters == 6_738_415_616 + 32 * biases
        for name, bits in (("float32", 32), ("float16", 16), ("int8", 8), ("int4", 4)):
            row = row_of(found, name)
            assert (row.total_bytes, row.largest_layer_bytes) == ((6_738_415_616 + 32 * biases) * bits // 8, layer * bits // 8)

    @pytest.mark.parametrize("repository", PACKED)
    def test_a_quantized_checkpoint_is_measured_as_it_is_stored(self, repository: str) -> None:
        found = fixture(repository)
        (row,) = [row for row in found.estimates if row.stored]
        largest = max(sum(one.nbytes for one in part) for part in leaves(found, by_tensor(found.model)).values())
        assert (row.dtype, row.total_bytes, row.largest_layer_bytes) == (AS_STORED, found.model.checkpoint.nbytes, largest)
        assert (row.training_bytes, row.basis) == (None, Basis.MEASURED)

    @pytest.mark.parametrize("repository", sorted({*REPOSITORIES} - {*PACKED}))
    def test_every_row_is_the_sum_over_the_tensors(self, repository: str) -> None:
        found = fixture(repository)
        assert_counted(found, by_tensor(found.model))


def cast_bytes(one: TensorInfo, row: str, stored: set[str]) -> int:
    """Bytes of a tensor in a row, by nothing but the row's bits."""
    bits = {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "float8": 8, "int8": 8, "int4": 4}
    if row == AS_STORED or row in stored or not one.dtype.name.startswith(("F", "BF")) or one.dtype.name not in BITS:
        return one.nbytes
    return (prod(one.shape) * bits[row] + 7) // 8


def by_tensor(found: Model) -> list[TensorInfo]:
    return list(found.checkpoint.tensors)


def leaves(found: Report, tensors: list[TensorInfo]) -> dict[str, list[TensorInfo]]:
    """The units, grouped the slow way."""
    groups: dict[str, list[TensorInfo]] = {}
    for one in tensors:
        parts = one.name.split(".")
        unit = ".".join(parts[:-1]) or one.name
        for place in range(1, len(parts) - 1 if found.model.has_blocks else 0):
            word = parts[place - 1]
            if parts[place].isdigit() and (word == "h" or word.removesuffix("s").endswith(("layer", "block"))):
                unit = ".".join(parts[: place + 1])
                break
        groups.setdefault(unit, []).append(one)
    return groups


def assert_counted(found: Report, tensors: list[TensorInfo]) -> None:
    for row in found.estimates:
        stored = {row.dtype} if row.stored else set()
        total = sum(cast_bytes(one, row.dtype, stored) for one in tensors)
        largest = max(
            (sum(cast_bytes(one, row.dtype, stored) for one in part) for part in leaves(found, tensors).values()), default=0
        )
        assert (row.total_bytes, row.largest_layer_bytes) == (total, largest), row.dtype
        assert row.training_bytes in (None, 4 * total)
        assert row.basis is (Basis.MEASURED if row.stored else Basis.DERIVED)


class TestRows:
    def test_the_seeds_four_by_default(self) -> None:
        assert dtypes(report(tensor("a.w"))) == SEED

    @pytest.mark.parametrize(
        ("stored", "row", "expected"),
        [
            ("F64", "float64", ["float64", *SEED]),
            ("BF16", "bfloat16", ["float32", "float16", "bfloat16", "int8", "int4"]),
            ("F16", "float16", SEED),
            ("F8_E4M3", "float8", ["float32", "float16", "float8", "int8", "int4"]),
            ("F4", AS_STORED, [AS_STORED, *SEED]),
        ],
    )
    def test_the_stored_dtype_is_always_among_them(self, stored: str, row: str, expected: list[str]) -> None:
        found = report(tensor("a.w", (8,), stored), tensor("a.ids", (8,), "I64"))
        assert dtypes(found) == expected
        assert [each.dtype for each in found.estimates if each.stored] == [row]
        assert row_of(found, row).total_bytes == found.model.checkpoint.nbytes

    def test_mixed_dtypes_have_a_row_as_stored(self) -> None:
        found = report(tensor("a.w", (3,), "F32"), tensor("b.w", (5,), "BF16"))
        assert dtypes(found) == [AS_STORED, *SEED]
        assert [row.total_bytes for row in found.estimates] == [22, 32, 16, 8, 5]
        assert [row.stored for row in found.estimates] == [True, False, False, False, False]

    def test_two_dtypes_of_one_cast_are_not_mixed(self) -> None:
        found = report(tensor("a.w", (3,), "F8_E4M3"), tensor("b.w", (5,), "F8_E5M2"))
        assert [row.dtype for row in found.estimates if row.stored] == ["float8"]

    @pytest.mark.parametrize("asked", [["float32"], ["int4", "float64"], ["bfloat16", "float8", "float32"]])
    def test_the_rows_asked_for_come_in_their_order(self, asked: list[str]) -> None:
        assert dtypes(report(tensor("a.w", (4,), "F16"), dtypes=asked)) == asked

    def test_a_row_asked_for_twice_comes_once(self) -> None:
        assert dtypes(report(tensor("a.w"), dtypes=["int8", "float32", "int8"])) == ["int8", "float32"]

    @pytest.mark.parametrize(("elements", "size"), [(0, 0), (1, 1), (2, 1), (3, 2), (7, 4), (8, 4)])
    def test_int4_fills_up_the_last_byte_of_each_tensor(self, elements: int, size: int) -> None:
        found = report(tensor("a.w", (elements,)), tensor("a.b", (elements,)), dtypes=["int4"])
        assert row_of(found, "int4").total_bytes == 2 * size
        assert row_of(found, "int4").largest_layer_bytes == 2 * size

    @pytest.mark.parametrize("dtype", ["BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "C64"])
    @pytest.mark.parametrize("cast", CASTS)
    def test_what_does_not_float_keeps_its_bytes(self, dtype: str, cast: str) -> None:
        found = report(tensor("a.w", (4,)), tensor("a.ids", (6,), dtype), dtypes=[cast])
        assert (
            row_of(found, cast).total_bytes
            == report(tensor("a.w", (4,)), dtypes=[cast]).estimates[0].total_bytes + 6 * BITS[dtype] // 8
        )

    def test_an_unknown_dtype_keeps_its_bytes(self) -> None:
        assert {row.total_bytes for row in report(tensor("a.w", (6,), "F128", nbytes=96), dtypes=list(CASTS)).estimates} == {96}

    def test_training_is_four_times_the_total(self) -> None:
        assert [row.training_bytes for row in report(tensor("a.w", (8,))).estimates] == [128, 64, 32, 16]

    def test_no_tensor_is_zero_and_has_no_largest_layer(self) -> None:
        found = report()
        assert found.largest_layer is None
        assert {(row.largest_layer_bytes, row.total_bytes, row.training_bytes) for row in found.estimates} == {(0, 0, 0)}


class TestLargestLayer:
    TENSORS = (
        tensor("model.layers.0.a.w", (4,)), tensor("model.layers.0.b.w", (4,)), tensor("embed.w", (6,)),
        tensor("embed.ids", (1,), "I64"),
    )  # fmt: skip

    @pytest.mark.parametrize("library", ["transformers", "sentence-transformers", "diffusers", "peft", "mlx"])
    def test_it_is_a_block_where_the_library_has_blocks(self, library: str) -> None:
        found = report(*self.TENSORS, library=library).largest_layer
        assert found is not None
        assert (found.name, found.parameters, found.nbytes) == ("model.layers.0", 8, 32)

    @pytest.mark.parametrize("library", ["timm", None, "unknown", "Transformers"])
    def test_it_is_a_leaf_module_elsewhere(self, library: str | None) -> None:
        found = report(*self.TENSORS, library=library).largest_layer
        assert found is not None
        assert (found.name, found.parameters, found.nbytes) == ("embed", 6, 32)

    def test_the_first_of_equals_is_named(self) -> None:
        found = report(tensor("b.w"), tensor("a.w")).largest_layer
        assert found is not None
        assert found.name == "b"

    def test_each_row_has_its_own_largest(self) -> None:
        found = report(tensor("a.w", (10,), "F32"), tensor("b.w", (15,), "BF16"), dtypes=["float32"])
        assert row_of(found, "float32").largest_layer_bytes == 60
        assert found.largest_layer is not None
        assert (found.largest_layer.name, found.largest_layer.nbytes) == ("a", 40)


class TestQuantized:
    TENSORS = (tensor("a.qweight", (8, 8), "I32"), tensor("a.scales", (8,), "F16"))

    def test_it_gets_one_row_without_training(self) -> None:
        (row,) = report(*self.TENSORS, config=QUANTIZED).estimates
        assert (row.dtype, row.stored, row.total_bytes, row.training_bytes, row.basis) == (
            AS_STORED,
            True,
            272,
            None,
            Basis.MEASURED,
        )

    def test_other_dtypes_are_named_as_not_computed(self) -> None:
        found = report(*self.TENSORS, config=QUANTIZED, dtypes=["int8", "float16"])
        assert dtypes(found) == [AS_STORED]
        assert [note.message.endswith("; int8, float16 not computed") for note in found.notes] == [True]

    def test_its_parameters_are_unknown_and_not_zero(self) -> None:
        found = report(*self.TENSORS, config=QUANTIZED)
        assert found.scopes[CHECKPOINT].parameters is None
        assert found.largest_layer is not None
        assert (found.largest_layer.parameters, found.largest_layer.nbytes) == (None, 272)
        assert found.scopes[CHECKPOINT].nbytes == 272

    @pytest.mark.parametrize("config", [None, {}, {"quantization_config": None}, {"quantization_config": {}}])
    def test_a_config_that_declares_nothing_is_not_quantized(self, config: dict[str, object] | None) -> None:
        assert dtypes(report(*self.TENSORS, config=config)) == SEED


class TestScopes:
    """Which class the numbers are of, and what is said where it cannot be known."""

    CONFIG = {  # noqa: RUF012 -- read only
        "architectures": ["BertForMaskedLM"], "model_type": "bert", "vocab_size": 8, "hidden_size": 4, "num_hidden_layers": 0,
        "num_attention_heads": 1, "intermediate_size": 2, "max_position_embeddings": 3, "type_vocab_size": 2,
    }  # fmt: skip
    EMBEDDINGS = (
        tensor("bert.embeddings.word_embeddings.weight", (8, 4)), tensor("bert.embeddings.position_embeddings.weight", (3, 4)),
        tensor("bert.embeddings.token_type_embeddings.weight", (2, 4)), tensor("bert.embeddings.LayerNorm.weight", (4,)),
        tensor("bert.embeddings.LayerNorm.bias", (4,)),
    )  # fmt: skip
    POOLER = (tensor("bert.pooler.dense.weight", (4, 4)), tensor("bert.pooler.dense.bias", (4,)))
    HEAD = tensor("cls.predictions.bias", (8,))

    def of(self, scope: str, *tensors: TensorInfo, config: dict[str, object] | None = None) -> Report:
        return estimate_weights(model(tensors, config=config or self.CONFIG), dtypes=None, scope=scope)

    def test_a_base_model_alone_ignores_and_lacks_nothing(self) -> None:
        found = self.of(AUTO, *self.EMBEDDINGS, *self.POOLER)
        assert (found.scope, found.notes) == (BASE, ())
        assert found.scopes[BASE].parameters == 32 + 12 + 8 + 8 + 20

    def test_what_is_stored_and_not_loaded_is_noted(self) -> None:
        (note,) = self.of(BASE, *self.EMBEDDINGS, *self.POOLER, self.HEAD).notes
        assert (note.code, note.message) == (
            "ignored",
            "BertModel does not load 1 stored tensor (32 bytes): cls.predictions.bias",
        )

    def test_what_is_loaded_and_not_stored_is_noted(self) -> None:
        found = self.of(BASE, *self.EMBEDDINGS)
        (note,) = found.notes
        assert note.code == "created"
        assert note.message.startswith("BertModel has 2 tensors that the checkpoint lacks (80 bytes): pooler.dense.")
        assert found.scopes[BASE].parameters == 32 + 12 + 8 + 8 + 20

    @pytest.mark.parametrize(
        "config", [{}, {"model_type": "bert"}, {"model_type": None}, {"model_type": "bert", "architectures": ["Own"]}]
    )
    def test_a_class_that_is_not_known_leaves_the_checkpoint(self, config: dict[str, object]) -> None:
        found = report(*self.EMBEDDINGS, self.HEAD, config=config)
        assert (found.scope, found.notes) == (CHECKPOINT, ())

    @pytest.mark.parametrize("scope", [DECLARED, BASE])
    @pytest.mark.parametrize("config", [None, {}, {"model_type": "no such type", "architectures": ["BertModel"]}])
    def test_a_scope_that_is_not_known_gives_way_to_the_checkpoint(self, scope: str, config: dict[str, object] | None) -> None:
        found = estimate_weights(model(self.EMBEDDINGS, config=config), dtypes=None, scope=scope)
        (note,) = found.notes
        assert (found.scope, note.code) == (CHECKPOINT, "scope-unknown")
        assert note.message.startswith(f"the scope {scope} is not known for this model (the architecture table has no entry")
        assert {row.scope for row in found.estimates} == {CHECKPOINT}

    def test_the_checkpoint_has_no_class(self) -> None:
        found = self.of(CHECKPOINT, *self.EMBEDDINGS, self.HEAD)
        assert (found.scope, found.notes, found.scopes[CHECKPOINT].class_name) == (CHECKPOINT, (), None)

    def test_what_stays_float32_in_float16_is_said_by_the_class(self) -> None:
        """`T5PreTrainedModel._keep_in_fp32_modules` names `wo`; a cast to bfloat16 changes it too."""
        config = {
            "architectures": ["T5EncoderModel"], "model_type": "t5", "d_model": 4, "d_kv": 2, "num_heads": 1, "d_ff": 6,
            "num_layers": 1, "vocab_size": 8, "relative_attention_num_buckets": 3,
        }  # fmt: skip
        block = "encoder.block.0.layer"
        stored = [
            tensor("shared.weight", (8, 4)), tensor(f"{block}.0.SelfAttention.relative_attention_bias.weight", (3, 1)),
            *(tensor(f"{block}.0.SelfAttention.{name}.weight", (2, 4)) for name in "qkv"),
            tensor(f"{block}.0.SelfAttention.o.weight", (4, 2)), tensor(f"{block}.0.layer_norm.weight", (4,)),
            tensor(f"{block}.1.DenseReluDense.wi.weight", (6, 4)), tensor(f"{block}.1.DenseReluDense.wo.weight", (4, 6)),
            tensor(f"{block}.1.layer_norm.weight", (4,)), tensor("encoder.final_layer_norm.weight", (4,)),
        ]  # fmt: skip
        found = estimate_weights(model(stored, config=config), dtypes=["float32", "float16", "bfloat16"], scope=DECLARED)
        elements = sum(one.elements for one in stored)
        assert [row.total_bytes for row in found.estimates] == [4 * elements, 2 * elements + 2 * 24, 2 * elements]
        assert found.notes == ()


NAMES = st.sampled_from(
    [f"{top}.{leaf}" for top in ("h.0", "h.1", "x.layers.2.a", "x.layers.2.b", "wte") for leaf in ("w", "b", "inv_freq")]
)
TENSORS = st.dictionaries(
    NAMES, st.tuples(st.sampled_from([*BITS, "F128"]), st.lists(st.integers(0, 9), max_size=3)), max_size=10
)


@given(
    TENSORS, st.sampled_from(["transformers", "timm"]), st.none() | st.lists(st.sampled_from(list(CASTS)), min_size=1, max_size=7)
)
def test_any_checkpoint_is_counted_tensor_by_tensor(
    drawn: dict[str, tuple[str, list[int]]], library: str, asked: list[str] | None
) -> None:
    tensors = [tensor(name, [*shape, 4], dtype, nbytes=7 if dtype == "F128" else None) for name, (dtype, shape) in drawn.items()]
    found = report(*tensors, library=library, dtypes=asked)
    assert_counted(found, tensors)
    scope = found.scopes[CHECKPOINT]
    assert scope.nbytes == sum(one.nbytes for one in tensors)
    assert found.largest_layer is None or found.largest_layer.nbytes == max(
        sum(one.nbytes for one in part) for part in leaves(found, tensors).values()
    )


class TestQuantizations:
    """Several quantizations of one model: a row each, as stored, whatever the first one is."""

    @pytest.mark.parametrize("dtype", ["F32", "BF16", "I8"])
    @pytest.mark.parametrize("dtypes", [None, ["float32"]])
    def test_each_has_a_row_as_stored(self, dtype: str, dtypes: list[str] | None) -> None:
        first, second = tensor("blk.0.w", (64, 2), dtype), tensor("blk.0.w", (64, 2), "U8")
        other = Alternative(label="Q8_0", checkpoint=model([second]).checkpoint)
        own = replace(model([first], library="gguf"), label="FIRST", alternatives=(other,))
        rows = estimate_weights(own, dtypes=dtypes, scope=CHECKPOINT).estimates
        assert [(row.dtype, row.total_bytes, row.largest_layer_bytes) for row in rows] == [
            ("FIRST", first.nbytes, first.nbytes),
            ("Q8_0", 128, 128),
        ]
        assert {(row.stored, row.basis, row.training_bytes) for row in rows} == {(True, Basis.MEASURED, None)}
