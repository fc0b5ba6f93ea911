"""Tensors grouped as the model is built."""

from memscan.modules.tree import Module, tree
from memscan.modules.units import BlockOf, Unit, blocks_like, no_block, numbered_block, units

__all__ = ["BlockOf", "Module", "Unit", "blocks_like", "no_block", "numbered_block", "tree", "units"]
