"""safetensors files written from the specification: https://github.com/huggingface/safetensors#format.

Eight bytes of length (unsigned, little-endian), that many bytes of JSON, then the tensors' bytes one behind the other.
"""

import json
from collections.abc import Mapping, Sequence
from math import prod

BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
"""Bits of one element, of every dtype of safetensors 0.8."""

Spec = tuple[str, Sequence[int]]
"""A dtype and a shape."""


def nbytes(dtype: str, shape: Sequence[int]) -> int:
    """Bytes of one tensor that ends at a whole byte."""
    return prod(shape) * BITS[dtype] // 8


def table(tensors: Mapping[str, Spec], metadata: Mapping[str, str] | None = None) -> dict[str, object]:
    """The header of `tensors`, stored in their order without holes."""
    fields: dict[str, object] = {} if metadata is None else {"__metadata__": dict(metadata)}
    end = 0
    for name, (dtype, shape) in tensors.items():
        start, end = end, end + nbytes(dtype, shape)
        fields[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    return fields


def framed(header: str | bytes, data: bytes = b"") -> bytes:
    """A file of any `header`, valid or not, and the bytes behind it."""
    raw = header.encode("utf-8") if isinstance(header, str) else header
    return len(raw).to_bytes(8, "little") + raw + data


def write(tensors: Mapping[str, Spec], metadata: Mapping[str, str] | None = None) -> bytes:
    """A whole file of `tensors`, all zeros."""
    data = bytes(sum(nbytes(dtype, shape) for dtype, shape in tensors.values()))
    return framed(json.dumps(table(tensors, metadata)), data)


def padded(header: str, length: int, data: bytes = b"") -> bytes:
    """A file whose `header` is filled up with spaces to exactly `length` bytes, as the specification allows."""
    raw = header.encode("utf-8")
    return framed(raw + b" " * (length - len(raw)), data)
