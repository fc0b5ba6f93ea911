"""Scopes: which of a model's tensors a number is about."""

from collections.abc import Mapping
from dataclasses import dataclass

from memscan.checkpoint import is_buffer
from memscan.model.base import Model
from memscan.tensor import TensorInfo

CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A named part of a model, in the dtypes that it is stored in."""

    name: str
    class_name: str | None
    """The class that would hold exactly this; None for the checkpoint, which belongs to no class."""
    tensors: tuple[TensorInfo, ...]
    parameters: int | None
    """Logical elements of the parameters; None where packing hides their number."""
    parameter_bytes: int
    buffer_bytes: int

    @property
    def nbytes(self) -> int:
        """Bytes of parameters and buffers."""
        return self.parameter_bytes + self.buffer_bytes


def scopes(model: Model) -> Mapping[str, Scope]:
    """Every scope that is known of `model`, by name."""
    return {CHECKPOINT: _checkpoint(model)}


def _checkpoint(model: Model) -> Scope:
    tensors = model.checkpoint.tensors
    buffers = [tensor for tensor in tensors if is_buffer(tensor)]
    buffer_bytes = sum(tensor.nbytes for tensor in buffers)
    packed = model.is_packed
    elements = sum(tensor.elements for tensor in tensors) - sum(tensor.elements for tensor in buffers)
    return Scope(
        name=CHECKPOINT, class_name=None, tensors=tensors, parameters=None if packed else elements,
        # Packed weights are integers: which of them are parameters is not known until their packing is.
        parameter_bytes=model.checkpoint.nbytes - (0 if packed else buffer_bytes),
        buffer_bytes=0 if packed else buffer_bytes,
    )  # fmt: skip
