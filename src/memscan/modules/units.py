"""The units that stay whole on one device, as `device_map` of transformers and accelerate treats them.

A numbered block of a class that is not to be split is one unit; outside the blocks, each leaf module is one, and each tensor that
stands directly in a module with modules below it (`get_max_layer_size` of
https://github.com/huggingface/accelerate/blob/main/src/accelerate/utils/modeling.py).
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from memscan.tensor import TensorInfo

# What the field numbers its blocks in: layers, layer, h, blk (GGUF), block, blocks, resblocks, albert_layers, transformer_blocks.
BLOCK = re.compile(r"(?:^|\.)(?:h|blk|(?:[^.]*[a-z_])?(?:layers?|blocks?))\.\d+(?![^.])", re.DOTALL)
CONTAINER = "/"

BlockOf = Callable[[str], str | None]
"""The outermost block that a module is or stands in, by its dotted name: `model.layers.17` for `model.layers.17.mlp`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Tensors that a loader places together."""

    name: str
    tensors: tuple[TensorInfo, ...]

    @property
    def nbytes(self) -> int:
        """Stored bytes."""
        return sum(tensor.nbytes for tensor in self.tensors)


def units(tensors: Iterable[TensorInfo], *, block_of: BlockOf, owners: Mapping[str, str] | None = None) -> tuple[Unit, ...]:
    """The units of `tensors`, in order of their first tensor.

    `owners` says of a tensor by its name which torch class owns it, `/` where that has modules below it; of others
    the names of all tensors have to tell.
    """
    tensors = tuple(tensors)
    modules = [tensor.name.rpartition(".")[0] for tensor in tensors]
    containers = _containers(modules)
    groups: dict[str, list[TensorInfo]] = {}
    known: dict[str, str | None] = {}
    for tensor, module in zip(tensors, modules, strict=True):
        if module not in known:
            known[module] = block_of(module)
        name = known[module]
        if name is None:
            owner = None if owners is None else owners.get(tensor.name)
            alone = not module or module in containers or owner == CONTAINER
            name = tensor.name if alone else module
        groups.setdefault(name, []).append(tensor)
    return tuple(Unit(name=name, tensors=tuple(group)) for name, group in groups.items())


def numbered_block(module: str) -> str | None:
    """Any numbered block, by the words that the field numbers its blocks in: for models whose classes are not known."""
    found = BLOCK.search(module)
    return None if found is None else module[: found.end()]


def no_block(module: str) -> None:
    """No block: for libraries that split all the way down."""


def blocks_like(patterns: frozenset[str]) -> BlockOf:
    """The blocks of a class, by the patterns of their names, `*` for each number."""
    return _BlocksLike(patterns, depth=max((pattern.count(".") + 1 for pattern in patterns), default=0))


@dataclass(frozen=True, slots=True)
class _BlocksLike:
    """A value and no closure, so that two reports on one model are equal."""

    patterns: frozenset[str]
    depth: int
    """Parts of the longest of them: a name from a stranger can have a million."""

    def __call__(self, module: str) -> str | None:
        found: list[str] = []
        start = 0
        for part in module.split(".", self.depth)[: self.depth]:
            found.append("*" if part.isdigit() else part)
            start += len(part) + 1
            if part.isdigit() and ".".join(found) in self.patterns:
                return module[: start - 1]
        return None


def _containers(modules: Iterable[str]) -> set[str]:
    """Those of `modules` that have others of them below."""
    ordered = sorted(set(modules))
    return {module for module in ordered if _is_above(ordered, f"{module}.")}


def _is_above(ordered: Sequence[str], before: str) -> bool:
    place = bisect_left(ordered, before)
    return place < len(ordered) and ordered[place].startswith(before)
