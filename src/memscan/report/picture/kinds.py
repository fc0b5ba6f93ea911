"""What the lines of a bill are, so that pictures sum them: weights, caches, activations, gradients, optimizer, the rest."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from memscan.item import Basis, Item
from memscan.report.picture.style import GREY


class Kind(StrEnum):
    """A sort of lines, in the order in which they are drawn."""

    WEIGHTS = "weights"
    CACHE = "KV cache and states"
    GRADIENTS = "gradients"
    OPTIMIZER = "optimizer"
    ACTIVATIONS = "activations"
    REST = "the rest"


HUES = {
    Kind.WEIGHTS: "blue", Kind.CACHE: "orange", Kind.GRADIENTS: "purple", Kind.OPTIMIZER: "teal", Kind.ACTIVATIONS: "green",
    Kind.REST: GREY,
}  # fmt: skip
HATCHES = {
    Kind.WEIGHTS: "", Kind.CACHE: "/", Kind.GRADIENTS: "|", Kind.OPTIMIZER: "-", Kind.ACTIVATIONS: "\\", Kind.REST: "x",
}  # fmt: skip
STARTS = (
    ("weights", Kind.WEIGHTS), ("frozen weights", Kind.WEIGHTS), ("master weights", Kind.WEIGHTS), ("adapters", Kind.WEIGHTS),
    ("buffers", Kind.WEIGHTS), ("gathered weights", Kind.WEIGHTS), ("gradients", Kind.GRADIENTS),
    ("optimizer", Kind.OPTIMIZER), ("activations", Kind.ACTIVATIONS), ("logits", Kind.ACTIVATIONS),
    ("compute buffer", Kind.ACTIVATIONS), ("rotary table", Kind.ACTIVATIONS),
    ("experts in work", Kind.WEIGHTS), ("unknown: ", Kind.CACHE),
)  # fmt: skip
CACHES = ("cache", "state", "keys", "shift", "last tokens")
"""Words in the names of what is kept between tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """The lines of one kind at one moment."""

    kind: Kind
    nbytes: int
    low: int
    high: int
    basis: str
    """How its lines are known, each way once."""
    unknown: tuple[Item, ...]
    """Its lines that no number is known of."""


def kind_of(item: Item) -> Kind:
    """What the line of this name is."""
    for start, kind in STARTS:
        if item.name.startswith(start):
            return kind
    return Kind.CACHE if any(word in item.name for word in CACHES) else Kind.REST


def sums(items: Iterable[Item], phase: str | None) -> tuple[Sum, ...]:
    """What is held in `phase`, by kind; the bytes sum to those of the moment."""
    held: dict[Kind, list[Item]] = {kind: [] for kind in Kind}
    for item in items:
        if not item.phases or phase in item.phases:
            held[kind_of(item)].append(item)
    return tuple(_sum(kind, lines) for kind, lines in held.items() if any(line.nbytes != 0 or line.high for line in lines))


def _sum(kind: Kind, lines: list[Item]) -> Sum:
    bases = [basis.value for basis in Basis if any(line.basis is basis and line.nbytes != 0 for line in lines)]
    return Sum(
        kind=kind, nbytes=sum(line.nbytes or 0 for line in lines), low=sum(line.low for line in lines),
        high=sum(line.high for line in lines), basis=", ".join(bases), unknown=tuple(one for one in lines if one.nbytes is None),
    )  # fmt: skip
