"""What the model is, as its config declares it.

What a plain scan does not ask for is in files of its own: `changes`, `gguf_keys`, `settings`.
"""

from memscan.architecture.ahead import read_ahead
from memscan.architecture.config import MAX_CONFIG, Changes, Config
from memscan.architecture.expected import Expected
from memscan.architecture.layout import Layout, layout
from memscan.architecture.quantization import Quantization, Scheme
from memscan.architecture.rename import CONVERTER
from memscan.architecture.table import family, observed_release

__all__ = [
    "CONVERTER",
    "MAX_CONFIG",
    "Changes",
    "Config",
    "Expected",
    "Layout",
    "Quantization",
    "Scheme",
    "family",
    "layout",
    "observed_release",
    "read_ahead",
]
