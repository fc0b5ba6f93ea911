"""How much memory: figures from a model that was read, each with how it is known."""

from memscan.estimate.base import Layer, Placement, Report, WeightEstimate
from memscan.estimate.tally import AS_STORED
from memscan.estimate.weights import AUTO, SEED_DTYPES, estimate_weights

__all__ = ["AS_STORED", "AUTO", "SEED_DTYPES", "Layer", "Placement", "Report", "WeightEstimate", "estimate_weights"]
