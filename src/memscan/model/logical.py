"""The tensors of a model as its modules count them: what a quantization packed is one weight again."""

from dataclasses import dataclass, field

from memscan.checkpoint import is_buffer
from memscan.dtype import Kind
from memscan.model.base import Model, Part
from memscan.note import Note
from memscan.packing import unpack
from memscan.tensor import TensorInfo, kinds_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Logical:
    """The logical tensors of a model."""

    tensors: tuple[TensorInfo, ...] = field(repr=False)
    notes: tuple[Note, ...] = ()
    reason: str | None = None
    """Why the number of parameters cannot be known; the tensors are then those stored."""


def part_parameters(part: Part) -> int | None:
    """The logical parameters of one part; None where packing hides them."""
    found = unpack(part.checkpoint, part.quantized)
    return None if found.reason is not None else sum(tensor.elements for tensor in found.tensors if not is_buffer(tensor))


def logical(model: Model) -> Logical:
    """The logical tensors of `model`, part by part where each part may be quantized in its own way."""
    if Kind.UNKNOWN in kinds_of(model.checkpoint.tensors):
        names = sorted({tensor.dtype.name for tensor in model.checkpoint.tensors if tensor.dtype.kind is Kind.UNKNOWN})
        return Logical(tensors=model.checkpoint.tensors, reason=f"memscan does not know the dtype {', '.join(names[:3])}")
    if not any(part.quantized is not None for part in model.parts):
        found = unpack(model.checkpoint, None if model.parts else model.quantized)
        return Logical(tensors=found.tensors, notes=found.notes, reason=found.reason)
    parts = [unpack(part.checkpoint, part.quantized) for part in model.parts]
    reasons = [part.reason for part in parts if part.reason is not None]
    return Logical(
        tensors=tuple(tensor for part in parts for tensor in part.tensors),
        notes=tuple(note for part in parts for note in part.notes),
        reason=reasons[0] if reasons else None,
    )
