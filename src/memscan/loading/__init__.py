"""What loading makes of a checkpoint: which tensors a class takes, ties and ignores, and which it makes for itself.

What disagrees with a config is in a file of its own, `against`: a scan does not ask for it.
"""

from memscan.loading.base import Loaded
from memscan.loading.load import load

__all__ = ["Loaded", "load"]
