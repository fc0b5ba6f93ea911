"""What the model is, as its config declares it."""

from memscan.architecture.changes import Changes, changed, parse_change
from memscan.architecture.config import MAX_CONFIG, Config
from memscan.architecture.expected import Expected
from memscan.architecture.gguf_keys import tied_output
from memscan.architecture.gguf_keys import words as gguf_words
from memscan.architecture.layout import Layout, layout
from memscan.architecture.quantization import Quantization, Scheme
from memscan.architecture.rename import CONVERTER
from memscan.architecture.settings import GGUF, Settings
from memscan.architecture.table import family, observed_release

__all__ = [
    "CONVERTER",
    "GGUF",
    "MAX_CONFIG",
    "Changes",
    "Config",
    "Expected",
    "Layout",
    "Quantization",
    "Scheme",
    "Settings",
    "changed",
    "family",
    "gguf_words",
    "layout",
    "observed_release",
    "parse_change",
    "tied_output",
]
