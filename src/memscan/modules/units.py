"""The units that stay whole on one device: a numbered block of a transformer, or a leaf module outside the blocks."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from memscan.tensor import TensorInfo

# What the field numbers its blocks in: layers, layer, h, blk (GGUF), block, blocks, resblocks, albert_layers, transformer_blocks.
BLOCK = re.compile(r"(?:^|\.)(?:h|blk|(?:[^.]*[a-z_])?(?:layers?|blocks?))\.\d+(?![^.])", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Tensors that a loader places together."""

    name: str
    tensors: tuple[TensorInfo, ...]

    @property
    def nbytes(self) -> int:
        """Stored bytes."""
        return sum(tensor.nbytes for tensor in self.tensors)


def units(tensors: Iterable[TensorInfo], *, blocks: bool) -> tuple[Unit, ...]:
    """The units of `tensors`, in order of their first tensor; without `blocks`, all of them leaf modules."""
    groups: dict[str, list[TensorInfo]] = {}
    known: dict[str, str] = {}
    for tensor in tensors:
        module, _, _ = tensor.name.rpartition(".")
        name = known.get(module)
        if name is None:
            name = known[module] = (_block(module) if blocks else None) or module
        # A tensor without a module above it stands alone.
        groups.setdefault(name or tensor.name, []).append(tensor)
    return tuple(Unit(name=name, tensors=tuple(group)) for name, group in groups.items())


def _block(module: str) -> str | None:
    """The outermost numbered block that `module` is or stands in: `model.layers.17` for `model.layers.17.mlp.up_proj`."""
    found = BLOCK.search(module)
    return None if found is None else module[: found.end()]
