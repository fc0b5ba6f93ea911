"""What became of a tensor: each kind, alone and together with others."""

import pytest

from memscan.compare import Kind
from memscan.dtype import TORCH, DType
from memscan.dtype.base import Kind as DKind
from memscan.tensor import TensorInfo
from tests.compare.sides import diff
from tests.writers.tensors import tensor


def packed(name: str, nbytes: int, shape: tuple[int, ...] = (64, 64), bits: int = 4) -> TensorInfo:
    return TensorInfo(
        name=name, dtype=DType(f"gptq-{bits}bit", DKind.QUANTIZED, 1, 0), shape=shape, offset=0, nbytes=nbytes, buffer=False
    )


CASES = {
    "nothing": (tensor("a", (2, 3)), tensor("a", (2, 3)), ()),
    "a shape": (tensor("a", (2, 3)), tensor("a", (4, 3)), (Kind.RESIZED,)),
    "a shape of as many": (tensor("a", (2, 3)), tensor("a", (3, 2)), (Kind.RESIZED,)),
    "a dtype": (tensor("a", (2, 3)), tensor("a", (2, 3), "BF16"), (Kind.RETYPED,)),
    "both": (tensor("a", (2, 3)), tensor("a", (4, 3), "BF16"), (Kind.RESIZED, Kind.RETYPED)),
    "two dtypes of one size": (tensor("a", (2, 3), "F16"), tensor("a", (2, 3), "BF16"), (Kind.RETYPED,)),
    "a quantization": (tensor("a", (64, 64), "BF16"), packed("a", 2304), (Kind.RETYPED,)),
    "a quantization of which only the number is known": (tensor("a", (64, 64)), packed("a", 2304, (4096,)), (Kind.RETYPED,)),
    "its bits": (packed("a", 2304), packed("a", 4352, bits=8), (Kind.RETYPED,)),
    "its groups": (packed("a", 2304), packed("a", 2176), (Kind.REPACKED,)),
    "a scalar": (tensor("a", ()), tensor("a", (1,)), (Kind.RESIZED,)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_tensor_of_one_name(case):
    before, after, kinds = CASES[case]
    found = diff([before, tensor("b")], [after, tensor("b")])
    assert [change.kinds for change in found.changes] == ([kinds] if kinds else [])
    assert found.is_empty == (not kinds)
    assert found.same.tensors == (1 if kinds else 2)
    assert found.growth == after.nbytes - before.nbytes


@pytest.mark.parametrize(
    ("name", "torch"), [("F32", "float32"), ("BF16", "bfloat16"), ("F8_E4M3", "float8_e4m3fn"), ("I64", "int64")]
)
def test_two_spellings_of_a_dtype_are_one(name, torch):
    stored = tensor("a", (8,), name)
    as_torch = TensorInfo(name="a", dtype=TORCH[torch], shape=(8,), offset=0, nbytes=stored.nbytes)
    assert diff([stored], [as_torch]).is_empty


def test_added_and_removed():
    found = diff([tensor("a"), tensor("gone", (5,))], [tensor("a"), tensor("new", (7,)), tensor("newer", (9, 2))])
    assert {kind: one.tensors for kind, one in found.sums.items()} == {Kind.ADDED: 2, Kind.REMOVED: 1}
    assert found.growth == 4 * (7 + 18 - 5)


def test_a_name_that_stands_twice_loses_no_byte():
    twice = [tensor("a", (2,)), tensor("a", (3,)), tensor("b")]
    found = diff(twice, [tensor("a", (2,)), tensor("b")])
    assert [(change.kinds, change.growth) for change in found.changes] == [((Kind.REMOVED,), -12)]
    assert diff(twice, twice).growth == 0


def test_an_empty_side():
    assert diff([], []).is_empty
    found = diff([], [tensor("a", (2,))])
    assert found.growth == 8
    assert found.sums[Kind.ADDED].after_bytes == 8
