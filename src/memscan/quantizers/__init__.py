"""What quantization methods make of dense models, to the byte."""

from collections.abc import Mapping

from memscan.dtype import CASTS
from memscan.quantizers.base import Dense, Quantized, Quantizer, Weight
from memscan.quantizers.experts import Experts, experts
from memscan.quantizers.layers import Layer, layers
from memscan.quantizers.owners import assumption, owner
from memscan.quantizers.registry import HOMES, Registry

__all__ = [
    "DTYPES",
    "QUANTIZERS",
    "QUANTIZER_NAMES",
    "Dense",
    "Experts",
    "Layer",
    "Quantized",
    "Quantizer",
    "Weight",
    "assumption",
    "experts",
    "layers",
    "owner",
]

QUANTIZERS: Mapping[str, Quantizer] = Registry()
"""Every method by the name that `--dtypes` takes."""

QUANTIZER_NAMES = tuple(HOMES)

DTYPES = (*CASTS, *QUANTIZER_NAMES)
"""What an estimate can be made for: casts, and quantization methods. What `--dtypes` and `memscan.scan(dtypes=...)` take."""
