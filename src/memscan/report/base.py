"""What a renderer is given, and what it gives: text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from memscan.errors import MemscanError
from memscan.estimate import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A target that could not be read, in the place of its report."""

    requested: str
    code: int
    """The exit code that it alone would have given."""
    error: MemscanError


class Renderer(Protocol):
    """Turns results into text; writes nothing anywhere."""

    def __call__(self, results: Sequence[Report | Failure]) -> str:
        """The text for `results`, without a line break at the end."""
