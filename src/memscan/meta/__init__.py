"""The other way to a checkpoint: no header is read, the model is built on torch's meta device, where tensors take no memory.

torch, transformers, timm and diffusers are imported inside the functions of this room, and nowhere else.
"""

from memscan.meta.build import build
from memscan.meta.components import Component, components
from memscan.meta.packages import advice, available, missing

__all__ = ["Component", "advice", "available", "build", "components", "missing"]
