"""Tensors grouped as the model is built."""

from memscan.modules.tree import Module, tree
from memscan.modules.units import Unit, units

__all__ = ["Module", "Unit", "tree", "units"]
