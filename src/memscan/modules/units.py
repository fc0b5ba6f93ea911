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
"""The outermost block that a module is or stands in, by its dotted name: `model.layers.17` for `model.layers.17.mlp`.

What stands in a block is of that block whatever else its name says, so that few names have to be asked for.
"""


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
    runs = _runs(tensors, block_of)
    containers = _containers(
        one for block, run in runs for one in ([_module(tensor) for tensor in run] if block is None else [block])
    )
    groups: dict[str, list[TensorInfo]] = {}
    for block, run in runs:
        if block is not None:
            groups.setdefault(block, []).extend(run)
            continue
        for tensor in run:
            module, owner = _module(tensor), None if owners is None else owners.get(tensor.name)
            alone = not module or module in containers or owner == CONTAINER
            groups.setdefault(tensor.name if alone else module, []).append(tensor)
    return tuple(Unit(name=name, tensors=tuple(group)) for name, group in groups.items())


def _runs(tensors: Iterable[TensorInfo], block_of: BlockOf) -> list[tuple[str | None, list[TensorInfo]]]:
    """Tensors that follow each other in one block, or in none; which they mostly do, so that few are asked for their block."""
    runs: list[tuple[str | None, list[TensorInfo]]] = []
    inside = ""
    run: list[TensorInfo] = []
    known: dict[str, str | None] = {}
    for tensor in tensors:
        if not inside or not tensor.name.startswith(inside):
            module = _module(tensor)
            if module not in known:
                known[module] = block_of(module)
            block = known[module]
            if not runs or block != runs[-1][0]:
                run = []
                runs.append((block, run))
            inside = "" if block is None else f"{block}."
        run.append(tensor)
    return runs


def _module(tensor: TensorInfo) -> str:
    return tensor.name.rpartition(".")[0]


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
