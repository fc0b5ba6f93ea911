"""Where operations are done: they make tensors in a ledger, and nodes in a graph while gradients are on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from memscan.activations.graph import Backward, Frame, Gradients, Node, Saved, run_backward
from memscan.activations.ledger import Kind, Ledger, Shape
from memscan.activations.tensor import Operand, Storage, Tensor, Weight, differentiable

FULL = 4  # bytes of float32
HALF = 2
MASK = 1  # bytes of a bool
INDEX = 8  # bytes of an int64


T = TypeVar("T")
R = TypeVar("R")


def _nothing(held: Tensor, saved: Saved, gradients: Gradients) -> Gradients:
    del held, saved, gradients
    return [None]


class _StopRecomputing(Exception):  # noqa: N818 -- as in torch: no error, but the end of a second run
    """The last thing that the backward pass asks for was saved."""


@dataclass(slots=True, kw_only=True)
class Tape:
    """One run of a model on one device."""

    ledger: Ledger = field(default_factory=Ledger)
    gradients: bool
    """Whether a graph is kept."""
    dropping: bool
    """Whether dropout drops: a model in training mode."""
    counted: bool = False
    """Whether it is as `MemTracker` counts it on the processor; as on CUDA otherwise."""
    autocast: int | None = None
    """Bytes of the dtype that matrix products are cast to in mixed precision."""
    checkpointing: bool = False
    """Whether layers are checkpointed."""
    wanting: bool = False
    """Whether the input is still to be told to want a gradient: of a frozen model whose layers are checkpointed."""
    sequences: int = 1
    """In the batch: with one, a matrix product of heads needs no copy."""
    passing: int = 0
    """Bytes of cast weights that go when the forward pass ends."""
    _casts: dict[Weight, Tensor] = field(default_factory=dict)
    _order: int = 0
    _frame: Frame | None = None
    _recomputing: tuple[Frame, int, dict[int, Saved]] | None = None

    def new(self, shape: Shape, itemsize: int, *, strided: bool = False, kind: Kind = Kind.ACTIVATIONS) -> Tensor:
        """A tensor that comes alive."""
        return Tensor(Storage(self.ledger, shape, itemsize, kind), shape, itemsize, strided=strided)

    def record(
        self, outputs: Tensor | Sequence[Tensor], inputs: Sequence[Operand | None], saved: Saved, backward: Backward
    ) -> None:
        """The operation that made `outputs` of `inputs`, in the graph. `saved`: what its backward needs, None for the rest."""
        made = [outputs] if isinstance(outputs, Tensor) else outputs
        node = self._node(inputs, saved, backward, len(made))
        for slot, one in enumerate(made):
            one.node, one.slot = node, slot

    def operation(self, make: Callable[[], Tensor], inputs: Sequence[Operand | None], saved: Saved, backward: Backward) -> Tensor:
        """The same for one that keeps inputs alone: they are saved before its output is made, which ends a second run earlier."""
        node = self._node(inputs, saved, backward, 1)
        made = make()
        made.node = node
        return made

    def want(self, one: Tensor) -> None:
        """`one.requires_grad_()`: a leaf, which the graph holds, checkpointed or not, and whose gradient nothing takes."""
        leaf, held = Weight(shape=one.shape, itemsize=one.itemsize, trained=True), one.view()
        self.record(one, [leaf], (), partial(_nothing, held))

    def _node(self, inputs: Sequence[Operand | None], saved: Saved, backward: Backward, outputs: int) -> Node | None:
        if not self.gradients or not any(differentiable(one) for one in inputs):
            return None
        self._order += 1
        return Node(self._order, inputs, self._packed(saved), backward, outputs)

    def _packed(self, saved: Saved) -> Saved | tuple[Frame, int]:
        if not any(one is not None for one in saved):
            return saved
        if self._recomputing is not None:
            frame, count, kept = self._recomputing
            kept[count] = saved
            self._recomputing = frame, count + 1, kept
            if count + 1 == frame.count:
                raise _StopRecomputing
            return saved
        if self._frame is not None:
            self._frame.count += 1
            return self._frame, self._frame.count - 1
        return saved

    def checkpointed(self, layer: Callable[[Tensor], Tensor], hidden: Tensor) -> Tensor:
        """The output of `layer`, of which the graph keeps the input alone: `torch.utils.checkpoint`, `use_reentrant=False`."""
        (made,) = self.checkpointed_all(lambda one: [layer(one)], hidden)
        return made

    def checkpointed_all(self, layer: Callable[[Tensor], list[T]], hidden: Tensor) -> list[T]:
        """The same of a layer with several outputs."""
        if not self.checkpointing or not self.gradients:
            return layer(hidden)
        frame = self._frame = Frame()
        made = layer(hidden)
        self._frame = None
        # It is given the frame: a frame that held itself would live on.
        frame.rerun = lambda again: self._rerun(again, layer, hidden)
        return made

    def _rerun(self, frame: Frame, layer: Callable[[Tensor], list[T]], hidden: Tensor) -> None:
        if frame.recomputed is None:
            raise AssertionError
        self._recomputing, self.gradients = (frame, 0, frame.recomputed), True
        try:
            layer(hidden)
        except _StopRecomputing:
            pass
        finally:
            self._recomputing, self.gradients = None, False
            self._casts.clear()

    def cast_weight(self, weight: Weight) -> Operand:
        """The weight in the dtype of autocast, cast once for a forward pass."""
        if self.autocast is None or weight.itemsize <= self.autocast:
            return weight
        found = self._casts.get(weight)
        if found is None:
            found = self.new(weight.shape, self.autocast, kind=Kind.CASTS)
            self.record(found, [weight], (), lambda _, gradients: gradients)
            if weight.trained:
                self._casts[weight] = found
        return found

    def paired(self, repetition: R) -> R:
        """Of a repetition in a checkpointed function that is run again, the one of the first run, whose backward will come."""
        if self._recomputing is not None:
            first: R = self._recomputing[0].repetitions.pop(0)
            return first
        if self._frame is not None:
            self._frame.repetitions.append(repetition)
        return repetition

    def backward(self, root: Tensor) -> None:
        """The backward pass."""
        self._casts.clear()
        self.ledger.live[Kind.CASTS] -= self.passing
        self.gradients = False
        run_backward(self.ledger, root, in_place=not self.counted)
