"""A gate: findings, each a figure beside a limit, and the outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from memscan.errors import MemscanError
from memscan.item import Basis


class Bound(StrEnum):
    """What a figure says of the truth."""

    EXACT = "exact"
    ESTIMATE = "an estimate"
    """With a range, by lines that are assumed."""
    LOWER = "a lower bound"
    """Something is not counted, because it is not known."""


class Outcome(StrEnum):
    """What came of one limit."""

    WITHIN = "within"
    EXCEEDED = "exceeded"
    UNKNOWN = "unknown"
    """What is known is within the limit, and something is not known."""
    DIFFERS = "differs"
    """What is stored is not what the config declares."""
    NOT_READ = "not read"
    """The target could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What is measured against a limit."""

    name: str
    """`total size`, `largest layer`, `inference peak`, `training peak`, `growth` ..."""
    nbytes: int
    basis: Basis
    bound: Bound
    low: int
    """The low end of an estimate; the figure itself where it is exact."""
    high: int
    detail: str = ""
    """Which layer, which moment, which workload; what is not known of a lower bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a figure has to keep within."""

    nbytes: int
    stated: str
    """As it was given: `24GB`, `h100 (79.11 GiB usable)`, `5 % more than 14.96 GiB`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a budget is written, for annotations."""

    path: str
    """Relative to the folder that memscan runs in."""
    line: int
    """From 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One limit of one target."""

    rule: str
    """For programs: `total`, `largest-layer`, `inference`, `training`, `growth`, `baseline`."""
    target: str
    """As it was asked for."""
    commit: str | None = None
    dtype: str | None = None
    case: str = ""
    """What tells it from others of the same rule, target and dtype, in every run the same: the workload, the device."""
    figure: Figure | None = None
    """None where the target could not be read."""
    limit: Limit | None = None
    outcome: Outcome
    fails: bool
    """Whether the gate is closed by it: exceeded, not read, or unknown unless that is only to be warned of."""
    message: str
    """One sentence for people, with the exact bytes and both units."""
    place: Place | None = None
    error: MemscanError | None = None
    """Why it was not read."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """More for programs, such as the growth by module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """All findings of one run."""

    findings: tuple[Finding, ...]

    @property
    def closed(self) -> bool:
        """Whether a limit is exceeded, or an unknown counts as that; errors of reading have exit codes of their own."""
        return any(finding.fails and finding.outcome is not Outcome.NOT_READ for finding in self.findings)
