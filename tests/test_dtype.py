"""The dtype tables: every dtype of safetensors 0.8 with its exact size, and the casts of an estimate."""

import ctypes
import json

import pytest
import safetensors
from hypothesis import given
from hypothesis import strategies as st

from memscan.dtype import CASTS, SAFETENSORS, STORED_AS, TORCH, Kind, unknown
from tests.writers.safetensors import BITS, framed

# The names by which the package's own serializer takes them; it writes no F6.
SERIALIZED = {
    "bool": "BOOL", "int8": "I8", "uint8": "U8", "int16": "I16", "uint16": "U16", "int32": "I32", "uint32": "U32",
    "int64": "I64", "uint64": "U64", "float16": "F16", "float32": "F32", "float64": "F64", "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3", "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2": "F8_E5M2", "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0", "float4_e2m1fn_x2": "F4", "complex64": "C64",
}  # fmt: skip


def sized_by_the_package(dtype: str, elements: int) -> int | None:
    """Bytes that the package accepts for `elements`; None where it accepts none."""
    for size in range(elements * 8 + 1):
        header = json.dumps({"a": {"dtype": dtype, "shape": [elements], "data_offsets": [0, size]}})
        try:
            safetensors.deserialize(framed(header, bytes(size)))
        except safetensors.SafetensorError:
            continue
        return size
    return None


def test_all_22_dtypes_are_known() -> None:
    assert set(SAFETENSORS) == set(BITS)
    assert len(SAFETENSORS) == 22


@pytest.mark.oracle
def test_the_package_knows_exactly_the_dtypes_of_the_table() -> None:
    with pytest.raises(safetensors.SafetensorError) as caught:
        safetensors.deserialize(framed('{"a":["?",[1],[0,1]]}', b"x"))
    words = str(caught.value)
    assert {word for word in words.partition("expected one of ")[2].split("`") if word.isidentifier()} == set(SAFETENSORS), words


@pytest.mark.oracle
@pytest.mark.parametrize("dtype", SAFETENSORS)
def test_every_size_is_the_one_that_the_package_accepts(dtype: str) -> None:
    for elements in range(10):
        assert SAFETENSORS[dtype].exact_nbytes(elements) == sized_by_the_package(dtype, elements)


@pytest.mark.oracle
@pytest.mark.parametrize(("spelling", "dtype"), SERIALIZED.items())
def test_every_size_is_the_one_that_the_package_writes(spelling: str, dtype: str) -> None:
    size = SAFETENSORS[dtype].exact_nbytes(8)
    assert size is not None
    buffer = ctypes.create_string_buffer(b"\1" * size, size)
    shape = [4] if dtype == "F4" else [8]  # torch counts an F4 pair as one element
    spec = safetensors.TensorSpec(dtype=spelling, shape=shape, data_ptr=ctypes.addressof(buffer), data_len=size)
    raw = safetensors.serialize({"a": spec})
    length = int.from_bytes(raw[:8], "little")
    stored = json.loads(raw[8 : 8 + length])["a"]
    assert (stored["dtype"], stored["shape"], len(raw) - 8 - length) == (dtype, [8], size)


@pytest.mark.parametrize("dtype", SAFETENSORS)
def test_a_block_has_the_bits_of_its_elements(dtype: str) -> None:
    known = SAFETENSORS[dtype]
    assert known.name == dtype
    assert known.block_bytes * 8 == known.block * BITS[dtype]


@pytest.mark.parametrize("dtype", SAFETENSORS)
def test_the_kind_follows_from_the_name(dtype: str) -> None:
    by_letter = {"B": Kind.FLOAT, "F": Kind.FLOAT, "C": Kind.COMPLEX, "I": Kind.INTEGER, "U": Kind.INTEGER}
    assert SAFETENSORS[dtype].kind is (Kind.BOOLEAN if dtype == "BOOL" else by_letter[dtype[0]])


def test_an_unknown_dtype_has_a_name_and_no_size() -> None:
    dtype = unknown("F128")
    assert (dtype.name, dtype.kind, dtype.exact_nbytes(0), dtype.exact_nbytes(8)) == ("F128", Kind.UNKNOWN, None, None)


@pytest.mark.parametrize(
    ("cast", "bits"), {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "float8": 8, "int8": 8, "int4": 4}.items()
)
def test_a_cast_has_its_bits(cast: str, bits: int) -> None:
    assert CASTS[cast].packed_nbytes(1_000) * 8 == 1_000 * bits


def test_there_is_no_other_cast() -> None:
    assert set(CASTS) == {"float64", "float32", "float16", "bfloat16", "float8", "int8", "int4"}


@pytest.mark.parametrize(("elements", "size"), [(0, 0), (1, 1), (2, 1), (3, 2), (2**63 - 1, 2**62)])
def test_the_last_half_byte_of_int4_is_filled_up(elements: int, size: int) -> None:
    assert CASTS["int4"].packed_nbytes(elements) == size


@given(st.sampled_from(list(SAFETENSORS.values())), st.integers(0, 2**64))
def test_packed_is_exact_where_blocks_are_whole_and_less_than_a_block_more_elsewhere(dtype, elements: int) -> None:
    exact, packed = dtype.exact_nbytes(elements), dtype.packed_nbytes(elements)
    assert 0 <= packed * 8 - elements * BITS[dtype.name] < dtype.block_bytes * 8
    assert exact == (packed if elements % dtype.block == 0 else None)


@pytest.mark.parametrize(("stored", "cast"), STORED_AS.items())
def test_what_is_stored_as_a_cast_has_its_size(stored: str, cast: str) -> None:
    dtype = SAFETENSORS.get(stored) or TORCH[stored]
    assert dtype.kind is Kind.FLOAT
    assert dtype.exact_nbytes(16) == CASTS[cast].exact_nbytes(16)
