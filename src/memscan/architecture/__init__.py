"""What the model is, as its config declares it."""

from memscan.architecture.config import MAX_CONFIG, Config
from memscan.architecture.gguf_keys import tied_output
from memscan.architecture.gguf_keys import words as gguf_words

__all__ = ["MAX_CONFIG", "Config", "gguf_words", "tied_output"]
