"""Tensors that know their size alone, and live as long as something refers to them.

A recipe is written as the library's own code is, with these in place of its tensors: what it holds, and for how long, then comes
about as it does there, by Python's reference counts. (Another interpreter than CPython, which frees later, would count too much.)
"""

from dataclasses import dataclass, field
from typing import Any

from memscan.activations.ledger import Kind, Ledger, Shape


class Storage:
    """Bytes with the number of tensors that share them."""

    __slots__ = ("handles", "itemsize", "kind", "ledger", "shape")

    def __init__(self, ledger: Ledger, shape: Shape, itemsize: int, kind: Kind) -> None:
        self.ledger, self.shape, self.itemsize, self.kind, self.handles = ledger, shape, itemsize, kind, 0
        ledger.add(kind, (shape, itemsize))

    def release(self) -> None:
        """One tensor fewer shares it; after the last one it is gone."""
        self.handles -= 1
        if not self.handles:
            self.ledger.add(self.kind, (self.shape, self.itemsize), -1)

    def become(self, kind: Kind) -> None:
        """Count the same bytes as another kind: a gradient that a weight keeps."""
        self.ledger.add(self.kind, (self.shape, self.itemsize), -1)
        self.kind = kind
        self.ledger.add(kind, (self.shape, self.itemsize))


class Tensor:
    """A view of a storage, and the node of the graph that made it."""

    __slots__ = ("itemsize", "node", "shape", "slot", "storage", "strided")

    def __init__(self, storage: Storage, shape: Shape, itemsize: int, *, strided: bool = False) -> None:
        """`strided`: its heads lie between its tokens, so that a matrix product of several sequences copies it."""
        storage.handles += 1
        self.storage, self.shape, self.itemsize, self.strided = storage, shape, itemsize, strided
        self.node: Any = None
        self.slot = 0

    def __del__(self) -> None:
        self.storage.release()

    def view(self, shape: Shape | None = None, *, strided: bool | None = None) -> "Tensor":
        """The same bytes once more, outside the graph."""
        return Tensor(
            self.storage,
            self.shape if shape is None else shape,
            self.itemsize,
            strided=self.strided if strided is None else strided,
        )

    def reshaped(self, shape: Shape) -> "Tensor":
        """The same bytes in another shape, at the same place in the graph: a view whose gradient is one too."""
        made = self.view(shape, strided=False)
        made.node, made.slot = self.node, self.slot
        return made


@dataclass(slots=True, kw_only=True, eq=False)
class Weight:
    """A parameter: its own bytes are counted elsewhere."""

    shape: Shape
    itemsize: int
    """Bytes of an element."""
    trained: bool
    """Whether it is given a gradient."""
    gradient: Tensor | None = field(default=None)
    """The one that the backward pass has made so far."""


Operand = Tensor | Weight


def differentiable(one: Operand | None) -> bool:
    """Whether a gradient flows into it."""
    return one is not None and (one.trained if isinstance(one, Weight) else one.node is not None)
