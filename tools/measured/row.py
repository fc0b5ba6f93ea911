"""A measurement beside what memscan says: rows, and groups of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

GIB, MIB, GB = 1 << 30, 1 << 20, 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement."""

    id: str
    """Of its record in fixtures/measured."""
    what: str
    """The model, and what was asked of it."""
    quantity: str
    """What was measured: `peak`, `weights` ..."""
    measured: float
    """In bytes, or the tokens and blocks that were printed."""
    predicted: float
    """The same as memscan says it."""
    low: float | None = None
    """The low end of what memscan says; None where it gives no range."""
    high: float | None = None
    note: str = ""
    """What is special about this row."""

    @property
    def error(self) -> float:
        """By how much of the measurement memscan says more."""
        return self.predicted / self.measured - 1

    @property
    def is_within(self) -> bool:
        """Whether the measurement lies in the range that memscan gives."""
        low, high = self.low, self.high
        return low is not None and high is not None and low <= self.measured <= high


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Measurements of one kind."""

    name: str
    """By which texts.toml and tests know it."""
    rows: Sequence[Row]
    unit: str = "GiB"
    """What the document shows sizes in; empty for counts."""
    is_brief: bool = False
    """Whether the document has a line for each family, which `what` of a row names, instead of one for each row."""

    @property
    def is_ranged(self) -> bool:
        """Whether memscan gives a range for every row."""
        return all(row.low is not None for row in self.rows)

    @property
    def errors(self) -> list[float]:
        """Of all rows, without their sign."""
        return [abs(row.error) for row in self.rows]

    @property
    def middle(self) -> float:
        """The median of the errors."""
        return median(self.errors)

    @property
    def worst(self) -> Row:
        """The row that is furthest off."""
        return max(self.rows, key=lambda row: abs(row.error))
