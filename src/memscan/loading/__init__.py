"""What loading makes of a checkpoint: which tensors a class takes, ties and ignores, and which it makes for itself."""

from memscan.loading.against import Disagreement, Fault, disagreements, undecided
from memscan.loading.base import Loaded
from memscan.loading.load import load

__all__ = ["Disagreement", "Fault", "Loaded", "disagreements", "load", "undecided"]
