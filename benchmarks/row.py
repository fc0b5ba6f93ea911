"""One line of the result: a program in a case, at one round trip."""

from dataclasses import dataclass

from benchmarks.hub import Asked
from benchmarks.process import Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a program took, at its fastest."""

    case: str
    protocol: str
    """`http` or `https`; empty where nothing is asked."""
    latency: float
    """Seconds before each reply."""
    program: str
    spent: Spent
    asked: Asked | None
    """None where nothing is asked of a Hub."""
    failure: str = ""
    """Why the program has no figures here; then `spent` holds none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """All lines, found by what they say."""

    every: tuple[Row, ...]

    def find(self, case: str, program: str, *, latency: float, protocol: str = "http") -> Row | None:
        """The line of a program in a case; None where it was not measured."""
        wanted = (case, program, latency)
        return next(
            (
                row
                for row in self.every
                if (row.case, row.program, row.latency) == wanted and row.protocol in ("", protocol) and not row.failure
            ),
            None,
        )
