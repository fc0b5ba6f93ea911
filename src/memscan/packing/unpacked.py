"""What unpacking makes of a checkpoint."""

from dataclasses import dataclass

from memscan.note import Note
from memscan.tensor import TensorInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """A checkpoint's tensors as the dense module counts them."""

    tensors: tuple[TensorInfo, ...]
    """In the order of the stored ones; their bytes sum up to the same."""
    notes: tuple[Note, ...] = ()
    reason: str | None = None
    """Why the number of logical parameters cannot be known; the tensors are then those stored."""
