"""Tensors as the tree of modules that their dotted names spell."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from memscan.checkpoint import is_buffer
from memscan.tensor import TensorInfo

MAX_DIGITS = 10  # of a block's number; a longer one is a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One module with all that is below it."""

    name: str
    """The dotted name; empty for the whole model."""
    parameters: int
    """Elements of the tensors that are not buffers."""
    buffers: int
    """Elements of the buffers."""
    nbytes: int
    """Stored bytes."""
    children: tuple["Module", ...]

    def walk(self, level: int = 1) -> Iterator[tuple[int, "Module"]]:
        """The descendants, each with its level (1 is a child), by name: `layers.2` before `layers.10`."""
        for child in self.children:
            yield level, child
            yield from child.walk(level + 1)


def tree(tensors: Iterable[TensorInfo], depth: int) -> Module:
    """The tree of `tensors` down to `depth` levels; a tensor at the root stands for a module of its own.

    The depth bounds the work: a name from a stranger can hold a million dots.
    """
    root = _Draft("")
    for tensor in tensors:
        draft = root
        draft.count(tensor)
        parts = tensor.name.split(".", depth + 1)
        for index in range(1, min(max(len(parts), 2), depth + 1)):
            draft = draft.child(".".join(parts[:index]))
            draft.count(tensor)
    return root.finish()


class _Draft:
    """A module while it is being counted."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parameters = self.buffers = self.nbytes = 0
        self.children: dict[str, _Draft] = {}

    def child(self, name: str) -> "_Draft":
        if name not in self.children:
            self.children[name] = _Draft(name)
        return self.children[name]

    def count(self, tensor: TensorInfo) -> None:
        self.nbytes += tensor.nbytes
        if is_buffer(tensor):
            self.buffers += tensor.elements
        else:
            self.parameters += tensor.elements

    def finish(self) -> Module:
        children = tuple(self.children[name].finish() for name in sorted(self.children, key=_natural))
        return Module(name=self.name, parameters=self.parameters, buffers=self.buffers, nbytes=self.nbytes, children=children)


def _natural(name: str) -> tuple[bool, int, str]:
    last = name.rpartition(".")[2]
    number = int(last) if last.isascii() and last.isdigit() and len(last) < MAX_DIGITS else None
    return number is not None, number or 0, name
