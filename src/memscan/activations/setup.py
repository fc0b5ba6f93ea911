"""What every recipe is built from: sizes, weights, linear layers with or without an adapter, fields that have to be there."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from memscan.activations.base import Adapter
from memscan.activations.functions import FUNCTIONS, Function
from memscan.activations.ledger import Size
from memscan.activations.matrices import linear
from memscan.activations.pointwise import add, cast, dropout, keeping_input, scale
from memscan.activations.tape import FULL, Tape
from memscan.activations.tensor import Tensor, Weight
from memscan.architecture.settings import Settings
from memscan.errors import LackingError

ONE = Size("1", 1)
EACH = ("ForTokenClassification", "ForQuestionAnswering")  # heads of classes that label every token


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One way of running a model."""

    sequences: Size
    tokens: Size
    past: int = 0
    target: int | None = None
    itemsize: int
    """Bytes of an element of the weights."""
    trained: bool
    """Whether all weights are."""
    eager: bool
    """Attention."""
    cached: bool = False
    """Whether keys and values go into a cache."""
    adapter: Adapter | None = None
    head: str = ""
    """How the class ends behind its model's name: `ForMaskedLM`; empty where it is not known."""
    store: list[Tensor] = field(default_factory=list)
    """What the cache keeps."""
    shards: int = 1
    """Devices among which heads and intermediate sizes are divided."""
    heads_whole: bool = False
    """Whether heads are not."""

    doubts: list[str] = field(default_factory=list)
    """What a recipe takes to be so without knowing."""

    def function(self, name: str | None) -> Function:
        """The activation function of that name."""
        found = FUNCTIONS.get(name or "")
        if found is None:
            self.doubts.append(f"the activation function {name} is taken to be one kernel that keeps its input")
        return found or keeping_input

    def weight(self, *shape: Size) -> Weight:
        """A parameter."""
        return Weight(shape=shape, itemsize=self.itemsize, trained=self.trained)

    def linear(self, name: str, out: Size, into: Size, *, bias: bool = False) -> "Linear":
        """`nn.Linear(into, out, bias)`, called `name` in its module."""
        return Linear(self, name, out, into, bias=bias)

    def share(self, name: str, count: int) -> Size:
        """What one device has of `count`, which are divided."""
        return Size(name, max(1, -(-count // self.shards)))

    def share_heads(self, name: str, count: int) -> Size:
        """What one device has of `count` heads, which are divided unless each attends with all."""
        return Size(name, count) if self.heads_whole else self.share(name, count)


class Linear:
    """A linear layer, and the adapter on it where it has one: peft 0.21.2, `tuners/lora/layer.py` (`Linear.forward`)."""

    def __init__(self, setup: Setup, name: str, out: Size, into: Size, *, bias: bool) -> None:
        self.weight, self.bias = setup.weight(out, into), setup.weight(out) if bias else None
        self.adapter = setup.adapter if setup.adapter is not None and setup.adapter.covers(name) else None
        if self.adapter is not None:
            rank = Size("r", self.adapter.rank)
            self.down, self.up = (Weight(shape=shape, itemsize=FULL, trained=True) for shape in ((rank, into), (out, rank)))

    def __call__(self, tape: Tape, given: Tensor) -> Tensor:
        """Its output."""
        result = linear(tape, given, self.weight, self.bias)
        if self.adapter is None:
            return result
        itemsize = result.itemsize
        wide = cast(tape, given, FULL)
        change = scale(tape, linear(tape, linear(tape, dropout(tape, wide, self.adapter.dropout), self.down), self.up))
        result = add(tape, result, change)
        del change
        return cast(tape, result, itemsize)


def needed(settings: Settings, *names: str) -> int:
    """A size that has to be there, and is not 0."""
    value = settings.integer(*names)
    if not value:
        raise LackingError(f"{settings.path}: {names[0]} is not there, and without it activations cannot be counted")
    return value


def number_of_layers(settings: Settings) -> int:
    """How many there are: 0 is allowed."""
    count = settings.layers("num_hidden_layers")
    if count is None:
        raise LackingError(f"{settings.path}: num_hidden_layers is not there, and without it activations cannot be counted")
    return count


def labels(settings: Settings) -> Size:
    """Classes of a classifier: as many as have names, or 2, as for every config class."""
    names = settings.get("id2label")
    return Size("labels", settings.integer("num_labels") or (len(names) if isinstance(names, dict) else 0) or 2)


def ratio(settings: Settings, name: str, usual: float) -> float:
    """A dropout's share; `usual` is the default of the config class."""
    value = settings.number(name)
    return usual if value is None else value


def runs(kinds: Sequence[str]) -> list[tuple[str, int]]:
    """Layers by kind: the first one, the ones between, kind by kind, and the last one.

    What is alive does not depend on the order of those between, but for what one layer holds.
    """
    if len(kinds) <= 2:
        return [(kind, 1) for kind in kinds]
    between: dict[str, int] = {}
    for kind in kinds[1:-1]:
        between[kind] = between.get(kind, 0) + 1
    return [(kinds[0], 1), *between.items(), (kinds[-1], 1)]
