"""Dtypes as checkpoints spell them, each an exact pair (elements in a block, bytes of a block).

A dtype that memscan does not know is still a dtype: it has a name and no size, and the file's own offsets size its tensors.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What the elements are; only floating elements follow a cast to another dtype."""

    FLOAT = "float"
    COMPLEX = "complex"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    QUANTIZED = "quantized"
    """Packed blocks with their scales: no cast changes them, and their elements are parameters."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DType:
    """A dtype as the file names it."""

    name: str
    kind: Kind
    block: int
    """Elements in one block; 1 for dtypes of whole bytes."""
    block_bytes: int
    """Bytes of one block; 0 where the dtype is not known."""

    def __hash__(self) -> int:
        """That of the name, which tells nearly all apart: dtypes are looked up once a tensor."""
        return hash(self.name)

    def exact_nbytes(self, elements: int) -> int | None:
        """Bytes of `elements` in whole blocks, or None where they do not fill whole blocks or the dtype is not known."""
        if self.block_bytes == 0 or elements % self.block:
            return None
        return elements // self.block * self.block_bytes

    def packed_nbytes(self, elements: int) -> int:
        """Bytes of one tensor of `elements`, the last block filled up."""
        return -(-elements // self.block) * self.block_bytes


def unknown(name: str) -> DType:
    """A dtype that is not in the tables: named, never sized by us."""
    return DType(name, Kind.UNKNOWN, 1, 0)


def table(*dtypes: DType) -> dict[str, DType]:
    """`dtypes` by name."""
    return {dtype.name: dtype for dtype in dtypes}
