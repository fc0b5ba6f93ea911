"""What one check asks: a target, a subject, a limit."""

from dataclasses import dataclass, field
from typing import Any

from memscan.bills import Recipe, Workload
from memscan.budget.base import Limit, Place
from memscan.budget.figures import TOTAL
from memscan.budget.verdicts import FAIL
from memscan.devices import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One limit of one target, as a command line or a file of budgets states it."""

    target: str
    subject: str = TOTAL
    """One of SUBJECTS."""
    dtype: str | None = None
    """None: as stored."""
    work: Workload | Recipe | None = None
    """Of an inference or a training."""
    limit: Limit | None = None
    """None where only the growth against a baseline is limited."""
    device: Device | None = None
    """Where the limit is what can be used of a device; the engine's reserve and the like depend on it."""
    count: int = 1
    """How many of the device share the model."""
    baseline: str | None = None
    """A target or a snapshot to compare the same figure with."""
    growth: str | None = None
    """How much more than the baseline it may be: `5%`, `500MB`."""
    case: str = ""
    """The words of the workload, which tell two budgets of one target apart."""
    unknown: str = FAIL
    place: Place | None = None
    scan: dict[str, Any] = field(default_factory=dict)
    """Options of the scan: revision, scope, library, file, subfolder, variant."""
