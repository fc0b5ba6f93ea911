"""What the model is, as its config declares it."""

from memscan.architecture.config import MAX_CONFIG, Config

__all__ = ["MAX_CONFIG", "Config"]
