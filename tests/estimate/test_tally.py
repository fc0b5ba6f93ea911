"""Groups that are counted once, against a count tensor by tensor; and what stays float32 in half precision."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.architecture import Layout
from memscan.architecture import layout as layout_of
from memscan.dtype import CASTS, DType, Kind
from memscan.estimate import AS_STORED, estimate_weights
from memscan.estimate.tally import tallied
from memscan.model import Scope
from memscan.tensor import TensorInfo
from tests.writers.tensors import tensor

from .fixtures import load

PACKED = DType("gptq-4bit", Kind.QUANTIZED, 1, 0)
BITS = {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "float8": 8, "int8": 8, "int4": 4}


def packed(name: str, elements: int, nbytes: int) -> TensorInfo:
    return TensorInfo(name=name, dtype=PACKED, shape=(elements,), offset=0, nbytes=nbytes)


def kind(fp32: frozenset[str] = frozenset(), strict: frozenset[str] = frozenset()) -> Layout:
    found = layout_of("BertModel", "bert", {})
    assert found is not None
    return replace(found, fp32=fp32, fp32_strict=strict)


def scope(tensors: tuple[TensorInfo, ...], *, layout: Layout | None = None, fixed: frozenset[str] = frozenset()) -> Scope:
    nbytes = sum(one.nbytes for one in tensors)
    return Scope(
        name="declared", class_name="Any", tensors=tensors, parameters=0, parameter_bytes=nbytes, buffer_bytes=0, layout=layout,
        fixed=fixed,
    )  # fmt: skip


FLOATS = ("F64", "F32", "F16", "BF16", "F8_E4M3")
NAMES = st.sampled_from(["a.wo.weight", "b.two.bias", "c.router.weight", "d.e.router_bias", "f.weight", "g"])
ONE = st.tuples(NAMES, st.integers(0, 30), st.sampled_from([*FLOATS, "I64", "BOOL", "packed"]))


def made(drawn: list[tuple[str, int, str]]) -> tuple[TensorInfo, ...]:
    return tuple(
        packed(f"{number}.{name}", elements, elements // 2)
        if dtype == "packed"
        else tensor(f"{number}.{name}", (elements,), dtype)
        for number, (name, elements, dtype) in enumerate(drawn)
    )


@given(st.lists(ONE, max_size=12), st.sets(st.integers(0, 11)), st.integers(1, 4))
def test_a_cast_is_the_sum_over_the_tensors(drawn: list[tuple[str, int, str]], fixed: set[int], size: int) -> None:
    tensors = made(drawn)
    held = frozenset(one.name for number, one in enumerate(tensors) if number in fixed)
    own = scope(tensors, layout=kind(frozenset({"wo"}), frozenset({"router*"})), fixed=held)

    def nbytes(one: TensorInfo, row: str) -> int:
        if one.name in held or one.dtype.kind not in (Kind.FLOAT, Kind.QUANTIZED):
            return one.nbytes
        stays = ("router" in one.name and row in ("float16", "bfloat16")) or ("wo" in one.name and row == "float16")
        return (one.elements * (32 if stays else BITS[row]) + 7) // 8

    groups = [tensors[start : start + size] for start in range(0, len(tensors), size)]
    found = tallied(own, groups)
    assert found.whole.nbytes == sum(one.nbytes for one in tensors)
    for row, dtype in CASTS.items():
        assert found.whole.cast(dtype) == sum(nbytes(one, row) for one in tensors), row
        assert found.largest(dtype) == max((sum(nbytes(one, row) for one in group) for group in groups), default=0), row


@pytest.mark.parametrize(
    ("dtypes", "stored"),
    [
        (["F32", "I64"], "float32"),
        (["BF16", "BOOL"], "bfloat16"),
        (["F8_E4M3", "F8_E5M2"], "float8"),
        (["F32", "F16"], AS_STORED),
        (["packed"], AS_STORED),
        (["packed", "F16"], AS_STORED),
        (["I64"], AS_STORED),
        ([], AS_STORED),
    ],
)
def test_the_cast_that_changes_nothing(dtypes: list[str], stored: str) -> None:
    tensors = made([("f", 4, dtype) for dtype in dtypes])
    assert tallied(scope(tensors), [tensors]).stored == stored


def test_what_a_class_makes_in_a_dtype_of_its_own_says_nothing_of_the_model() -> None:
    tensors = (tensor("a.weight", (4,), "BF16"), tensor("rotary.inv_freq", (4,)))
    found = tallied(scope(tensors, fixed=frozenset({"rotary.inv_freq"})), [tensors])
    assert found.stored == "bfloat16"
    assert found.whole.cast(CASTS["int8"]) == 4 + 16


def test_without_a_class_nothing_stays_float32() -> None:
    tensors = (tensor("a.wo.weight", (4,)),)
    assert tallied(scope(tensors), [tensors]).whole.cast(CASTS["float16"]) == 8


def test_t5_keeps_its_second_feed_forward_matrix_in_float16_alone() -> None:
    """`T5PreTrainedModel._keep_in_fp32_modules = ["wo"]`: 12 matrices of 512 x 2,048."""
    found = estimate_weights(load("google-t5/t5-small"), dtypes=["float16", "bfloat16", "float32"], scope="declared")
    assert [row.total_bytes for row in found.estimates] == [
        2 * 60_506_624 + 2 * 12 * 512 * 2048, 2 * 60_506_624, 4 * 60_506_624,
    ]  # fmt: skip
