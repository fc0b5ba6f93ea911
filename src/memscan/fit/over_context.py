"""How much memory each context takes: the bill at many of them, and where it outgrows the device."""

from dataclasses import dataclass

from memscan.bills import Peak, Workload, peak, prepare
from memscan.devices import Device
from memscan.estimate import Report
from memscan.fit.largest import Largest, largest_context
from memscan.item import Item

POINTS = 49
FURTHER = 4  # times the workload's own context, for models that do not say how many tokens they were made for


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The fullest device at one context."""

    context: int
    """Tokens of one sequence."""
    items: tuple[Item, ...]
    peak: Peak


@dataclass(frozen=True, slots=True, kw_only=True)
class OverContext:
    """The memory of a workload from one token to the longest context."""

    report: Report
    workload: Workload
    """As it was asked, its context filled in."""
    dtype: str
    """Of the weights."""
    points: tuple[Point, ...]
    """By context, the workload's own among them."""
    longest: int | None
    """What the model was made for; None where it does not say."""
    device: Device | None = None
    fits: Largest | None = None
    """The largest context that fits the device; None without one, or where lines are not known."""

    @property
    def grows(self) -> bool:
        """Whether the context changes anything."""
        return self.points[0].peak.nbytes != self.points[-1].peak.nbytes


def over_context(report: Report, workload: Workload, device: Device | None = None, *, points: int = POINTS) -> OverContext:
    """The memory of `workload` for the scope of `report` at `points` contexts, beside `device`, if one is given.

    Sizes are bytes, of the fullest device. Raises UsageError as `memscan.bills.prepare` does.
    """
    prepared = prepare(report, workload)
    own = prepared.workload.context or 1
    end = prepared.longest or FURTHER * own
    fits = None if device is None else largest_context(prepared, device, batch=prepared.workload.batch)
    more = {own} if fits is None or not 0 < fits.number < end else {own, fits.number}
    contexts = sorted({max(end * step // (points - 1), 1) for step in range(points)} | {one for one in more if one <= end})
    found = []
    for context in contexts:
        stage, bills = prepared.fullest(context=context, batch=prepared.workload.batch, device=device)
        found.append(Point(context=context, items=bills[stage], peak=peak(bills[stage])))
    return OverContext(
        report=report, workload=prepared.workload, dtype=prepared.model.held.dtype, points=tuple(found),
        longest=prepared.longest, device=device, fits=fits,
    )  # fmt: skip
