"""One line of a bill: bytes with how they are known, and the formula that gave them."""

from dataclasses import dataclass, field
from enum import StrEnum


class Basis(StrEnum):
    """How a figure is known."""

    MEASURED = "measured"
    """Read from the file's header."""
    DERIVED = "derived"
    """Computed exactly from what the header or the config states."""
    ASSUMED = "assumed"
    """By a stated rule of thumb."""
    UNKNOWN = "unknown"
    """Not counted; a note says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of a bill, for one device."""

    name: str
    """What takes the bytes: `weights`, `KV cache: 30 layers, full attention` ..."""
    nbytes: int | None
    """None where the basis is unknown: such a line is never taken for zero."""
    basis: Basis
    note: str = ""
    """What a reader should know of it, as a sentence without a full stop."""
    formula: str = ""
    """How it comes about with the numbers put in: `2 x 32 layers x 8 heads x 128 x 8,192 tokens x 2 bytes`."""
    source: str = ""
    """Where the formula is from: a file of a library with its version, or a paper."""
    phases: frozenset[str] = field(default_factory=frozenset)
    """When it is held; empty: all the time."""
    least: int | None = None
    """Of an assumed figure, the low end of its range; None where it has no range."""
    most: int | None = None
    """The high end."""

    @property
    def low(self) -> int:
        """The low end of what it may be; 0 where it is not known."""
        return self.least if self.least is not None else self.nbytes or 0

    @property
    def high(self) -> int:
        """The high end of what it may be; 0 where it is not known: who sums has to say so."""
        return self.most if self.most is not None else self.nbytes or 0
