"""The book that a run keeps: how many bytes are alive, of what shape, and when they were most."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import prod


class Kind(StrEnum):
    """What bytes are."""

    ACTIVATIONS = "activations"
    """Tensors of the forward pass, and what the backward pass makes on its way."""
    GRADIENTS = "gradients"
    """The gradients of the trained weights."""
    CASTS = "casts"
    """Weights in the dtype of autocast."""
    CACHE = "cache"
    """Keys and values that a cache keeps."""


class Size(int):
    """A dimension of a tensor with the name that a formula shows."""

    name: str

    def __new__(cls, name: str, value: int) -> "Size":
        """A dimension of `value` elements, called `name`."""
        made = super().__new__(cls, value)
        made.name = name
        return made


Shape = tuple[Size, ...]
Sort = tuple[Shape, int]
"""Tensors of one shape and element size: one term of a formula."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The moment of a phase at which most bytes are alive."""

    kinds: dict[Kind, int]
    """Bytes of each kind."""
    terms: dict[Sort, int]
    """How many tensors of each sort the activations are."""

    @property
    def nbytes(self) -> int:
        """Of the activations."""
        return self.kinds.get(Kind.ACTIVATIONS, 0)

    @property
    def total(self) -> int:
        """Bytes of all kinds."""
        return sum(self.kinds.values())


State = tuple[Counter[Kind], Counter[Sort]]
"""Bytes of each kind, and activations by sort."""


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The bytes alive now, and the peak of every phase so far."""

    phase: str = ""
    """Under which name peaks are noted."""
    live: Counter[Kind] = field(default_factory=Counter)
    """Bytes alive of each kind."""
    terms: Counter[Sort] = field(default_factory=Counter)
    """Activations alive, by sort."""
    peaks: dict[tuple[str, bool], Peak] = field(default_factory=dict)
    """Of each phase: of all kinds together, and of activations alone."""

    def enter(self, phase: str) -> None:
        """Begin a phase: what is alive is its first peak."""
        self.phase = phase
        self._note()

    def add(self, kind: Kind, sort: Sort, count: int = 1) -> None:
        """Bytes come alive; or go, where `count` is negative."""
        shape, itemsize = sort
        self.live[kind] += count * prod(shape) * itemsize
        if kind is Kind.ACTIVATIONS:
            self.terms[sort] += count
        if count > 0:
            self._note()

    def state(self) -> State:
        """What is alive now."""
        return Counter(self.live), Counter(self.terms)

    def since(self, before: State) -> State:
        """What has come alive since."""
        kinds, terms = self.state()
        kinds.subtract(before[0])
        terms.subtract(before[1])
        return kinds, terms

    def change(self, by: State, times: int) -> None:
        """So often more alive."""
        for kind, nbytes in by[0].items():
            self.live[kind] += times * nbytes
        for sort, count in by[1].items():
            self.terms[sort] += times * count
        self._note()

    def aside(self) -> str:
        """Note peaks apart from the phase for a while; that phase."""
        phase = self.phase
        self.enter(f"{phase}, aside")
        return phase

    def back(self, phase: str, by: State, times: int) -> None:
        """Back in `phase`, with the peaks noted since; and with those as they would be `times` later, with so much more alive."""
        for alone in (False, True):
            noted = self.peaks.pop((self.phase, alone))
            self._offer(phase, alone=alone, peak=noted)
            self._offer(phase, alone=alone, peak=_later(noted, by, times))
        self.phase = phase

    def peak(self, phase: str, *, alone: bool = False) -> Peak:
        """When most was alive; `alone`: of activations and casts."""
        return self.peaks[phase, alone]

    def _note(self) -> None:
        for alone in (False, True):
            known = self.peaks.get((self.phase, alone))
            if known is None or _measure(self.live, alone=alone) > _measure(known.kinds, alone=alone):
                self.peaks[self.phase, alone] = Peak(
                    kinds=dict(self.live), terms={sort: count for sort, count in self.terms.items() if count}
                )

    def _offer(self, phase: str, *, alone: bool, peak: Peak) -> None:
        known = self.peaks.get((phase, alone))
        if known is None or _measure(peak.kinds, alone=alone) > _measure(known.kinds, alone=alone):
            self.peaks[phase, alone] = peak


def _later(peak: Peak, by: State, times: int) -> Peak:
    kinds, terms = Counter(peak.kinds), Counter(peak.terms)
    for kind, nbytes in by[0].items():
        kinds[kind] += times * nbytes
    for sort, count in by[1].items():
        terms[sort] += times * count
    return Peak(kinds=dict(kinds), terms={sort: count for sort, count in terms.items() if count})


def _measure(kinds: Mapping[Kind, int], *, alone: bool) -> int:
    return kinds.get(Kind.ACTIVATIONS, 0) + kinds.get(Kind.CASTS, 0) if alone else sum(kinds.values())
