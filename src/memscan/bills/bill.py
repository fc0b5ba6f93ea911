"""A bill: what one device holds for a workload, line by line, and whether it fits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from memscan.bills.workload import Workload
from memscan.devices import Device
from memscan.estimate import Report
from memscan.item import Item
from memscan.note import Note

ORDER = ("prefill", "logits", "decode", "forward", "backward", "end of backward", "step")
"""Every moment of an inference, then of a training step, as they follow each other."""


class Answer(StrEnum):
    """Whether a bill fits a device."""

    FITS = "fits"
    """At the high end of every line too."""
    LIKELY = "fits, unless the assumed lines are at their high end"
    UNLIKELY = "does not fit, unless the assumed lines are at their low end"
    NO = "does not fit"
    """At the low end of every line either."""
    UNKNOWN = "not known"
    """What is known would fit, and some lines are not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A bill beside a device."""

    device: Device
    count: int
    """How many of it are asked for."""
    answer: Answer
    usable_bytes: int
    """Of one device."""
    margin: int
    """What is left of it beside the peak; negative where it is too small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one device of several holds at its peak."""

    name: str
    """`stage 0: layers 0-15` ..."""
    nbytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """All lines, of the fullest device."""

    report: Report
    """Of what."""
    command: str
    """`inference` or `training`."""
    title: str
    """The workload in one line."""
    rule: str
    """The engine, or what trains, with the version whose rules hold."""
    items: tuple[Item, ...]
    host: tuple[Item, ...] = ()
    """What is kept in the memory of the CPU instead, for each device."""
    shares: tuple[Share, ...] = ()
    """Where several devices share the model unevenly."""
    devices: int = 1
    """How many take part."""
    verdict: Verdict | None = None
    workload: Workload | None = None
    """What was asked, its context filled in; None of a training."""
    facts: tuple[str, ...] = ()
    """What the bill is of: parameters in all and active, adapters ..."""
    notes: tuple[Note, ...] = ()

    @property
    def unknown(self) -> tuple[Item, ...]:
        """The lines that no number is known of."""
        return tuple(item for item in self.items if item.nbytes is None)

    @property
    def peak(self) -> "Peak":
        """The fullest moment."""
        return peak(self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The bytes of one moment."""

    phase: str | None
    """None where all lines are held all the time."""
    nbytes: int
    low: int
    """With every assumed line at the low end of its range."""
    high: int
    """With every assumed line at its high end."""


def peak(items: Sequence[Item]) -> Peak:
    """The fullest moment of `items`: the maximum over the phases, not the sum of them."""
    return max(moments(items), key=lambda one: one.nbytes)


def moments(items: Sequence[Item]) -> tuple[Peak, ...]:
    """The bytes of every phase, in order; of one that has no name where no line has a phase.

    A phase in which the same lines are held as in the one before is no moment of its own.
    """
    found: dict[frozenset[int], Peak] = {}
    for phase in in_order({phase for item in items for phase in item.phases}):
        held = frozenset(index for index, item in enumerate(items) if phase in item.phases)
        found.setdefault(held, _moment(items, phase))
    return tuple(found.values()) or (_moment(items, None),)


def in_order(phases: Iterable[str]) -> list[str]:
    """The phases as they follow each other; one that is not known comes last."""
    return sorted(phases, key=lambda phase: (ORDER.index(phase) if phase in ORDER else len(ORDER), phase))


def _moment(items: Sequence[Item], phase: str | None) -> Peak:
    held = [item for item in items if not item.phases or phase in item.phases]
    return Peak(
        phase=phase, nbytes=sum(item.nbytes or 0 for item in held), low=sum(item.low for item in held),
        high=sum(item.high for item in held),
    )  # fmt: skip


def verdict(items: Sequence[Item], device: Device, count: int) -> Verdict:
    """Whether `items` fit one `device`."""
    all_moments = moments(items)
    top = max(one.nbytes for one in all_moments)
    low, high = max(one.low for one in all_moments), max(one.high for one in all_moments)
    usable = device.usable_bytes
    unknown = any(item.nbytes is None for item in items)
    if low > usable:
        answer = Answer.NO
    elif unknown:
        answer = Answer.UNKNOWN
    elif high <= usable:
        answer = Answer.FITS
    else:
        answer = Answer.LIKELY if top <= usable else Answer.UNLIKELY
    return Verdict(device=device, count=count, answer=answer, usable_bytes=usable, margin=usable - top)
