"""One side of a comparison: a model that was scanned, or what a saved report says of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from memscan.dtype import unknown
from memscan.estimate import Layer
from memscan.model import Origin
from memscan.modules import Module, tree
from memscan.note import Note
from memscan.tensor import TensorInfo

SEVERAL = unknown("several dtypes")  # of a module, whose tensors may differ


class Level(IntEnum):
    """How finely a side is known."""

    TOTALS = 0
    """By a saved report: sums alone."""
    MODULES = 1
    """By a saved module tree: what each module holds apart from those below it."""
    TENSORS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Tensors of one dtype, counted."""

    tensors: int
    nbytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What is compared."""

    origin: Origin
    saved: str | None = None
    """The saved report that it was read from, where it was; None for a model that was scanned."""
    scope: str
    class_name: str | None
    level: Level
    tensors: tuple[TensorInfo, ...]
    """At the level of modules one for each module, with its elements as shape; none at the level of totals."""
    count: int | None
    """Tensors; None where the saved report does not say."""
    nbytes: int
    parameters: int | None
    """None where packing hides their number, or the saved report does not say."""
    dtypes: Mapping[str, Held]
    """Of the tensors, the dtype with the most bytes first; empty where the saved report does not say."""
    stored: Mapping[str, Held] = field(default_factory=dict)
    """Of a checkpoint, the dtypes of what the files hold, where a packed weight is several tensors: what reports have."""
    largest_layer: Layer | None
    """None where there is none, or the saved report does not say it of this scope."""
    quantization: str | None
    is_measured: bool
    """Whether every byte is stated by a header; otherwise some are derived."""
    depth: int = 0
    """Levels of the saved module tree."""
    notes: tuple[Note, ...] = ()

    @property
    def name(self) -> str:
        """What it is called, with its commit."""
        commit = f" @ {self.origin.commit[:7]}" if self.origin.commit is not None else ""
        return f"{self.origin.name}{commit}"


def held(tensors: Sequence[TensorInfo]) -> Mapping[str, Held]:
    """The tensors counted by dtype, the one with the most bytes first."""
    counts: dict[str, list[int]] = {}
    for tensor in tensors:
        sums = counts.setdefault(tensor.dtype.name, [0, 0])
        sums[0] += 1
        sums[1] += tensor.nbytes
    ordered = sorted(counts.items(), key=lambda item: (-item[1][1], item[0]))
    return {name: Held(tensors=count, nbytes=nbytes) for name, (count, nbytes) in ordered}


def by_modules(side: Side, depth: int, *, counted: bool) -> Side:
    """The same side at the level of modules, down to `depth` of them; where not `counted`, without their elements."""
    if side.level is Level.TENSORS:
        modules = [(module.name, _own(module)) for _, module in tree(side.tensors, depth).walk()]
    else:
        modules = list(_shallower(side.tensors, depth).items())
    tensors = tuple(as_tensor(name, elements if counted else None, nbytes) for name, (elements, nbytes) in modules if nbytes)
    return replace(side, level=Level.MODULES, tensors=tensors, depth=depth)


def by_totals(side: Side) -> Side:
    """The same side at the level of totals, as a report counts it."""
    count = sum(one.tensors for one in side.stored.values()) if side.stored else side.count
    return replace(side, level=Level.TOTALS, count=count, dtypes=side.stored or side.dtypes)


def as_tensor(name: str, elements: int | None, nbytes: int) -> TensorInfo:
    """What a module holds apart from those below it, as one tensor; `elements` is None where their number is not known."""
    return TensorInfo(name=name, dtype=SEVERAL, shape=() if elements is None else (elements,), offset=0, nbytes=nbytes)


def _shallower(modules: Sequence[TensorInfo], depth: int) -> Mapping[str, tuple[int, int]]:
    """Elements and bytes of modules down to `depth` levels; what is below stands in the last of them."""
    sums: dict[str, tuple[int, int]] = {}
    for one in modules:
        name = ".".join(one.name.split(".")[:depth])
        elements, nbytes = sums.get(name, (0, 0))
        sums[name] = elements + one.elements, nbytes + one.nbytes
    return sums


def _own(module: Module) -> tuple[int, int]:
    """Elements and bytes of `module` apart from the modules below it."""
    elements = module.parameters + module.buffers - sum(child.parameters + child.buffers for child in module.children)
    return elements, module.nbytes - sum(child.nbytes for child in module.children)
