"""Stored tensors to logical ones: what a quantization method packed into several tensors is one weight again.

The methods are imported for a checkpoint that one of them wrote.
"""

from memscan.packing.unpack import unpack
from memscan.packing.unpacked import Unpacked

__all__ = ["Unpacked", "unpack"]
