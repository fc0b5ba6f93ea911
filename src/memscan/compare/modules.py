"""The modules of two models as one tree, blocks of one kind together: what each held, and what it holds.

A tensor that was renamed counts where it is now, on both sides: a new name is no growth.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from memscan.compare.pattern import WILD

DEPTH = 3  # levels; a number belongs to the level of the word before it


@dataclass(slots=True)
class Node:
    """One module, with all that is below it."""

    name: str
    """`model.layers.*.mlp`; empty for the whole model."""
    before_bytes: int = 0
    after_bytes: int = 0
    children: "dict[str, Node]" = field(default_factory=dict)

    @property
    def growth(self) -> int:
        """Bytes that came."""
        return self.after_bytes - self.before_bytes

    def walk(self, level: int = 1) -> Iterator[tuple[int, "Node"]]:
        """The modules below, each with its level, in the order of the checkpoint."""
        for child in self.children.values():
            yield level, child
            yield from child.walk(level + 1)


def module_tree(sums: Mapping[str, tuple[int, int]], *, are_modules: bool = False) -> Node:
    """The tree over `sums`, the bytes before and after of each pattern of tensors, or of modules where they `are_modules`."""
    root = Node("")
    for pattern, (before, after) in sums.items():
        for node in (root, *_path(root, pattern, are_modules=are_modules)):
            node.before_bytes += before
            node.after_bytes += after
    return root


def _path(root: Node, pattern: str, *, are_modules: bool) -> Iterator[Node]:
    """The modules that the tensors of `pattern` stand in; a tensor at the root stands for a module of its own."""
    # The last part is the tensor; a stranger's name can have a million of them.
    parts = pattern.split(".", 2 * DEPTH + 1)
    names = _levels(parts if are_modules or len(parts) == 1 else parts[:-1])
    node = root
    for name in names[:DEPTH]:
        full = f"{node.name}.{name}" if node.name else name
        child = node.children.get(name)
        if child is None:
            child = node.children[name] = Node(full)
        node = child
        yield node


def _levels(parts: list[str]) -> list[str]:
    """The parts with each number joined to what it counts."""
    found: list[str] = []
    for part in parts:
        if part == WILD and found and not found[-1].endswith(WILD):
            found[-1] = f"{found[-1]}.{part}"
        else:
            found.append(part)
    return found
