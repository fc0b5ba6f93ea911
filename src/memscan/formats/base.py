"""What every format gives: a header, and the Protocol by which a reader of one is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from memscan.read import Read
from memscan.tensor import TensorInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the header of one file says, checked against itself and against the file's size."""

    tensors: tuple[TensorInfo, ...]
    """In the order of their bytes in the file, or of the pickle that names them; each byte once."""
    tied: tuple[TensorInfo, ...] = ()
    """Tensors that share bytes with one of `tensors` of the same storage; their bytes are not counted again."""
    optimizer: tuple[TensorInfo, ...] = ()
    """The state of a training run (moments, random states, averaged copies) that stands beside the weights."""
    metadata: Mapping[str, object]
    """The free-form values that the file carries."""


class Format(Protocol):
    """One way to lay out a checkpoint file."""

    @property
    def name(self) -> str:
        """The format's own name."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """File name endings, with their dot."""

    def read_header(self, path: str, size: int) -> Read[Header]:
        """Ask for the bytes of the header of the file `path` of `size` bytes; FormatError where it breaks a promise."""
