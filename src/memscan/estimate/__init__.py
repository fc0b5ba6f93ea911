"""How much memory a model's weights take: figures from a model that was read, each with how it is known.

What quantizers and adapters start from is in a file of its own, `dense`: a plain table needs neither.
"""

from memscan.estimate.base import Layer, Placement, Report, WeightEstimate
from memscan.estimate.float32 import cast_dtypes
from memscan.estimate.tally import AS_STORED
from memscan.estimate.weights import AUTO, SEED_DTYPES, estimate_weights

__all__ = [
    "AS_STORED",
    "AUTO",
    "SEED_DTYPES",
    "Layer",
    "Placement",
    "Report",
    "WeightEstimate",
    "cast_dtypes",
    "estimate_weights",
]
