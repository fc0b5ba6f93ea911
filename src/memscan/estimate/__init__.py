"""How much memory a model's weights take: figures from a model that was read, each with how it is known."""

from memscan.estimate.base import Layer, Placement, Report, WeightEstimate
from memscan.estimate.dense import dense, weights_dtype
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
    "dense",
    "estimate_weights",
    "weights_dtype",
]
