"""What holds of every method, and the edges that small real models do not reach."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.dtype import SAFETENSORS, Kind
from memscan.quantizers import QUANTIZER_NAMES, QUANTIZERS
from memscan.quantizers.base import Dense, Quantizer, Weight
from tests.quantizers.dense import METHODS, dense, weight

NAMES = st.one_of(
    st.sampled_from([
        "model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.bias", "model.layers.0.mlp.experts.gate_up_proj",
        "m.experts.down_proj", "m.experts.0.w1.weight", "m.experts.0.w3.weight",
        "model.layers.0.mlp.experts.gate_up_proj_bias", "lm_head.weight", "model.embed_tokens.weight", "h.0.attn.c_attn.weight",
        "experts.weight", "experts.0.weight", ".weight", "weight", "", "..", "experts.down_proj",
    ]),
    st.text(max_size=20),
)  # fmt: skip
WEIGHTS = st.builds(
    lambda name, shape, dtype, module, buffer: weight(name, *shape, dtype=dtype, module=module, buffer=buffer),
    NAMES,
    st.lists(st.integers(0, 300), max_size=4),
    st.sampled_from(["F32", "F16", "BF16", "F64", "F8_E4M3", "I64", "U8", "BOOL"]),
    st.sampled_from([None, "", "Linear", "Conv1D", "Embedding", "FalconLinear"]),
    st.booleans(),
)
DENSE = st.builds(
    Dense,
    weights=st.lists(WEIGHTS, max_size=8, unique_by=lambda one: one.name).map(tuple),
    kept=st.frozensets(NAMES, max_size=2),
    last=st.none() | NAMES,
    model_type=st.sampled_from([None, "gpt2", "gpt_oss", "llama4", "falcon", "no such type"]),
)


@pytest.mark.parametrize("method", METHODS)
@given(model=DENSE)
def test_any_model_comes_out_tensor_by_tensor(method: str, model: Dense) -> None:
    made = QUANTIZERS[method].quantize(model)
    assert [(one.name, one.shape, one.buffer) for one in made.tensors] == [
        (one.name, one.shape, one.buffer) for one in model.weights
    ]
    for before, after in zip(model.weights, made.tensors, strict=True):
        assert after.nbytes >= 0
        if before.dtype.kind is not Kind.FLOAT or 0 in before.shape:
            assert (after.dtype, after.nbytes) == (before.dtype, before.nbytes) or after.dtype.name == "F16"
        if after.dtype.kind is Kind.QUANTIZED:
            assert len(before.shape) in (2, 3)


def test_the_names_are_those_of_the_registry() -> None:
    assert tuple(QUANTIZERS) == QUANTIZER_NAMES
    assert {name: quantizer.name for name, quantizer in QUANTIZERS.items()} == {name: name for name in QUANTIZER_NAMES}
    assert set(QUANTIZER_NAMES) >= set(METHODS)


def only(quantizer: Quantizer, *weights: Weight, **more: object) -> dict[str, int]:
    return {one.name: one.nbytes for one in quantizer.quantize(dense(*weights, **more)).tensors}  # type: ignore[arg-type]


def test_a_bias_that_comes_last_protects_nothing() -> None:
    head = (weight("encoder.dense.weight", 8, 8), weight("classifier.weight", 3, 8), weight("classifier.bias", 3))
    made = QUANTIZERS["bnb-int8"].quantize(dense(*head, last="classifier.bias")).tensors
    assert [one.dtype.name for one in made] == ["bnb-int8", "bnb-int8", "BF16"]


def test_a_weight_that_comes_last_is_left_alone() -> None:
    head = (weight("encoder.dense.weight", 8, 8), weight("classifier.weight", 3, 8))
    for last in ("classifier.weight", None):
        made = QUANTIZERS["bnb-int8"].quantize(dense(*head, last=last))
        assert [one.dtype.name for one in made.tensors] == ["bnb-int8", "BF16"]
        assert (made.assumed is None) == (last is not None)


@pytest.mark.parametrize(
    ("kept", "left"),
    [
        ("wo", {"block.wo", "block.two"}),
        ("block", {"block.wo", "block.two", "block.wi"}),
        ("block.w", set()),
        ("lock.wi", {"block.wi"}),
    ],
)
def test_skips_match_as_transformers_matches_them(kept: str, left: set[str]) -> None:
    modules = ("block.wo", "block.two", "block.wi", "blocks.wu")
    quantizer = QUANTIZERS["bnb-nf4"]
    made = quantizer.quantize(dense(*(weight(f"{name}.weight", 8, 8) for name in modules), kept=(kept,))).tensors
    assert {one.name.removesuffix(".weight") for one in made if one.dtype.kind is not Kind.QUANTIZED} == left


def test_a_convolution_of_gpt2_is_a_linear_layer_turned() -> None:
    quantizer = QUANTIZERS["bnb-int8"]
    assert only(quantizer, weight("h.0.c.weight", 8, 24, module="Conv1D")) == {"h.0.c.weight": 8 * 24 + 4 * 24}
    assert only(quantizer, weight("h.0.c.weight", 8, 24)) == {"h.0.c.weight": 8 * 24 + 4 * 8}


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (7, 33), (63, 1), (64, 64), (65, 64), (100, 4096)])
def test_blocks_of_bitsandbytes_are_filled_up(rows: int, columns: int) -> None:
    n = rows * columns
    blocks = -(-n // 64)
    linear = weight("a.weight", rows, columns)
    assert only(QUANTIZERS["bnb-nf4"], linear)["a.weight"] == (n + 1) // 2 + 4 * blocks + 64
    nested = blocks + 4 * -(-blocks // 256) + 1024 + 64 + 4
    assert only(QUANTIZERS["bnb-nf4-dq"], linear)["a.weight"] == (n + 1) // 2 + nested


@given(rows=st.integers(1, 40).map(lambda n: 32 * n), columns=st.integers(1, 20).map(lambda n: 64 * n), count=st.integers(1, 4))
def test_experts_take_the_same_bytes_fused_and_one_by_one(rows: int, columns: int, count: int) -> None:
    fused = (
        weight("m.experts.gate_up_proj", count, 2 * rows, columns, module=""),
        weight("m.experts.down_proj", count, columns, rows, module=""),
    )
    single = [
        weight(f"m.experts.{number}.{name}.weight", *shape, module="")
        for number in range(count)
        for name, shape in (("w1", (rows, columns)), ("w3", (rows, columns)), ("w2", (columns, rows)))
    ]
    for method in METHODS:
        assert sum(only(QUANTIZERS[method], *fused).values()) == sum(only(QUANTIZERS[method], *single).values()), method


def test_transposed_experts_have_their_scales_along_the_input() -> None:
    plain = weight("m.experts.down_proj", 2, 64, 256, module="")
    turned = weight("m.experts.down_proj", 2, 256, 64, module="")
    int4 = QUANTIZERS["int4-g128"]
    assert only(int4, plain) == only(int4, turned, model_type="llama4") == {plain.name: 2 * (64 * (128 + 2 * 2) + 16)}
    assert only(int4, turned) == {turned.name: turned.nbytes}  # an input of 64 fills no group


@pytest.mark.parametrize(
    ("method", "dtype"), {"gptq-4bit-g128": "F16", "awq-4bit-g128": "F16", "bnb-nf4": "F32", "int4-g128": "F32"}.items()
)
def test_the_bias_of_a_replaced_module(method: str, dtype: str) -> None:
    """GPTQ and AWQ hold it in float16; a norm, and the bias of what stays, keep the dtype of the checkpoint."""
    weights = (
        weight("model.layers.0.a.bias", 128, dtype="F32"),
        weight("model.layers.0.a.weight", 128, 128, dtype="F32"),
        weight("model.layers.0.norm.bias", 128, dtype="F32", module="LayerNorm"),
    )
    made = QUANTIZERS[method].quantize(dense(*weights)).tensors
    assert [one.dtype.name for one in made] == [dtype, method, "F32"]
    assert made[0].nbytes == 128 * SAFETENSORS[dtype].block_bytes


def test_scales_of_float32_weights_are_float32() -> None:
    assert only(QUANTIZERS["fp8"], weight("a.weight", 8, 16, dtype="F32")) == {"a.weight": 8 * (16 + 4)}
    assert only(QUANTIZERS["fp8"], weight("a.weight", 8, 16, dtype="F8_E4M3")) == {"a.weight": 8 * (16 + 2)}


def test_nothing_is_taken_of_a_model_without_linear_layers() -> None:
    for method in METHODS:
        made = QUANTIZERS[method].quantize(dense(weight("conv.weight", 8, 8, 3, 3, module="Conv2d")))
        assert "nothing of it is quantized" in (made.note or "")


def test_single_experts_that_are_linear_layers_are_taken_as_such() -> None:
    name = "m.experts.0.w1.weight"
    for module, taken in (("Linear", True), ("", False), ("MixtralExperts", False)):
        made = QUANTIZERS["bnb-int8"].quantize(dense(weight(name, 64, 128, module=module)))
        assert (made.tensors[0].dtype.kind is Kind.QUANTIZED, made.note is None) == (taken, taken)
        assert only(QUANTIZERS["fp8"], weight(name, 64, 128, module=module)) == {name: 64 * (128 + 2)}
