"""The graph of a forward pass, walked backward as torch's engine does: later nodes first, gradients summed where paths meet.

https://github.com/pytorch/pytorch/blob/v2.13.0/torch/csrc/autograd/engine.cpp (`evaluate_function`, `validate_outputs`),
`input_buffer.cpp` (`accumulate`) and `functions/accumulate_grad.h` beside it.
"""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from math import prod
from typing import Any

from memscan.activations.ledger import Kind, Ledger, Shape
from memscan.activations.tensor import Operand, Storage, Tensor, Weight, differentiable

Gradients = Sequence[Tensor | None]
Saved = tuple[Operand | None, ...]
Backward = Callable[[Saved, Gradients], Gradients]
"""What a node does: of what it saved and the gradients of its outputs those of its inputs."""


class Frame:
    """A checkpointed function: what its nodes saved is not kept, and made anew by a second run when first asked for."""

    __slots__ = ("count", "recomputed", "repetitions", "rerun")

    def __init__(self) -> None:
        self.count = 0
        self.repetitions: list[Any] = []
        self.recomputed: dict[int, Saved] | None = None
        self.rerun: Callable[[Frame], None] | None = None

    def take(self, index: int) -> Saved:
        """What node `index` saved."""
        if self.recomputed is None and self.rerun is not None:
            self.recomputed = {}
            self.rerun(self)
        return (self.recomputed or {}).pop(index)


class Node:
    """One differentiable operation that was done."""

    __slots__ = ("backward", "edges", "order", "outputs", "saved")

    def __init__(
        self, order: int, inputs: Sequence[Operand | None], saved: Saved | tuple[Frame, int], backward: Backward, outputs: int
    ) -> None:
        self.order, self.backward, self.outputs = order, backward, outputs
        self.saved: Saved | tuple[Frame, int] | None = saved
        self.edges = [_edge(one) if differentiable(one) else None for one in inputs]

    def run(self, gradients: Gradients) -> list[Tensor | None]:
        """The gradients of the inputs; what was saved is let go afterwards."""
        saved = self.saved or ()
        unpacked: Saved = saved[0].take(saved[1]) if saved and isinstance(saved[0], Frame) else saved
        made = list(self.backward(unpacked, gradients))
        self.saved = None
        return [one if edge is not None else None for one, edge in zip(made, self.edges, strict=True)]


Edge = tuple[Node | Weight, int, Shape, int]


def _edge(one: Operand | None) -> Edge:
    if isinstance(one, Weight):
        return one, 0, one.shape, one.itemsize
    if one is None:
        raise AssertionError
    return one.node, one.slot, one.shape, one.itemsize


def run_backward(ledger: Ledger, root: Tensor, *, in_place: bool) -> None:
    """Everything that `loss.backward()` makes. `in_place`: whether gradients are summed so, which no dispatch mode allows."""
    waiting: list[tuple[int, Node]] = []
    buffers: dict[Node, list[Tensor | None]] = {}
    first = root.node
    buffers[first] = [Tensor(Storage(ledger, (), 4, Kind.ACTIVATIONS), (), 4)]
    heappush(waiting, (-first.order, first))
    while waiting:
        _, node = heappop(waiting)
        # The gradients of its outputs are handed over to the node, and are gone when it returns.
        made = node.run(buffers.pop(node))
        node.saved = None
        for index in range(len(made)):
            gradient, edge = made[index], node.edges[index]
            made[index] = None
            if gradient is None or edge is None:
                continue
            gradient = _fitting(ledger, gradient, edge[2], edge[3])
            target = edge[0]
            if isinstance(target, Weight):
                _keep(ledger, target, gradient, in_place=in_place)
            else:
                if target not in buffers:
                    buffers[target] = [None] * target.outputs
                    heappush(waiting, (-target.order, target))
                _sum(ledger, buffers[target], edge[1], gradient, in_place=in_place)
            del gradient


def _fitting(ledger: Ledger, gradient: Tensor, shape: Shape, itemsize: int) -> Tensor:
    """Summed over what was broadcast, and cast, as `validate_outputs` does."""
    if prod(gradient.shape) != prod(shape):
        gradient = Tensor(Storage(ledger, shape, gradient.itemsize, Kind.ACTIVATIONS), shape, gradient.itemsize)
    if gradient.itemsize != itemsize:
        gradient = Tensor(Storage(ledger, shape, itemsize, Kind.ACTIVATIONS), shape, itemsize, strided=gradient.strided)
    return gradient


def _sum(ledger: Ledger, buffer: list[Tensor | None], slot: int, gradient: Tensor, *, in_place: bool) -> None:
    there = buffer[slot]
    if there is None:
        buffer[slot] = gradient
    elif not in_place or there.storage.handles > 1:
        # Not in place either where something else still holds the one that is there.
        buffer[slot] = Tensor(
            Storage(ledger, there.shape, there.itemsize, Kind.ACTIVATIONS), there.shape, there.itemsize, strided=there.strided
        )


def _keep(ledger: Ledger, weight: Weight, gradient: Tensor, *, in_place: bool) -> None:
    if weight.gradient is not None and in_place:
        return  # added to the one that is there
    if weight.gradient is not None or gradient.storage.handles > 1:
        gradient = Tensor(Storage(ledger, weight.shape, weight.itemsize, Kind.ACTIVATIONS), weight.shape, weight.itemsize)
    gradient.storage.become(Kind.GRADIENTS)
    weight.gradient = gradient
