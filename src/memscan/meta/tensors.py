"""A module's tensors as a checkpoint lists them: each once, by identity, under the first of its names."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from memscan.dtype import SAFETENSORS, DType, unknown
from memscan.dtype.torch import TORCH
from memscan.meta.base import Built
from memscan.tensor import TensorInfo

SPELLINGS = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "float8_e5m2": "F8_E5M2", "float8_e4m3fn": "F8_E4M3",
    "float8_e8m0fnu": "F8_E8M0", "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ", "int16": "I16",
    "uint16": "U16", "float16": "F16", "bfloat16": "BF16", "int32": "I32", "uint32": "U32", "float32": "F32",
    "complex64": "C64", "float64": "F64", "int64": "I64", "uint64": "U64",
}  # fmt: skip
"""torch's dtypes as safetensors spells them, as `safetensors.torch` pairs them."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A tensor that a module holds under one of its names."""

    name: str
    tensor: Any
    buffer: bool
    persistent: bool


def tensors_of(built: Built) -> tuple[tuple[TensorInfo, ...], tuple[TensorInfo, ...]]:
    """The parameters and buffers of a module, persistent or not, in its own order; and the further names of tied ones."""
    first: dict[int, TensorInfo] = {}
    tied: list[TensorInfo] = []
    for held in _held(built.module):
        key = id(held.tensor)
        if key not in first:
            first[key] = _info(held, built.held_in)
        elif first[key].name != held.name:
            owner = first[key].name
            first[key] = first[key]._replace(storage=owner)
            tied.append(first[key]._replace(name=held.name))
    return tuple(first.values()), tuple(tied)


def _held(module: Any) -> Iterator[_Held]:
    """Every tensor under every name, as `state_dict` spells them; it leaves out only what is not persistent."""
    for path, part in module.named_modules(remove_duplicate=False):
        prefix = f"{path}." if path else ""
        for name, tensor in part._parameters.items():  # noqa: SLF001 -- named_parameters does not tell whose they are
            if tensor is not None:
                yield _Held(prefix + name, tensor, buffer=False, persistent=True)
        for name, tensor in part._buffers.items():  # noqa: SLF001 -- likewise
            if tensor is not None:
                persistent = name not in part._non_persistent_buffers_set  # noqa: SLF001 -- it has no other name
                yield _Held(prefix + name, tensor, buffer=True, persistent=persistent)


def _info(held: _Held, held_in: Callable[[str], Any] | None) -> TensorInfo:
    tensor, dtype = held.tensor, held.tensor.dtype
    if held_in is not None and held.persistent and dtype.is_floating_point:
        dtype = held_in(held.name) or dtype
    return TensorInfo(
        name=held.name, dtype=_dtype(dtype), shape=tuple(int(size) for size in tensor.shape), offset=0,
        nbytes=int(tensor.numel()) * int(dtype.itemsize), buffer=held.buffer,
    )  # fmt: skip


def _dtype(dtype: Any) -> DType:
    name = str(dtype).removeprefix("torch.")
    spelling = SPELLINGS.get(name)
    return TORCH.get(name, unknown(name)) if spelling is None else SAFETENSORS[spelling]
