"""Stored tensors to logical ones: what a quantization method packed into several tensors is one weight again."""

from memscan.packing.base import Unpacked
from memscan.packing.layouts import LAYOUTS
from memscan.packing.unpack import unpack

__all__ = ["LAYOUTS", "Unpacked", "unpack"]
