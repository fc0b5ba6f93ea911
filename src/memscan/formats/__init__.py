"""How the headers of checkpoint files are laid out: one file a format, all of them pure."""

from collections.abc import Mapping
from importlib import import_module

from memscan.formats import shard_index
from memscan.formats.base import Format, Header
from memscan.formats.safetensors import parse_bundle
from memscan.formats.shard_index import ShardIndex

FORMATS: Mapping[str, tuple[str, str]] = {
    "safetensors": ("memscan.formats.safetensors", "Safetensors"),
    "torch": ("memscan.formats.torch_file", "Torch"),
    "gguf": ("memscan.formats.gguf", "Gguf"),
}
"""Every format that memscan reads, in the order in which a loader prefers them: its name, and the class that reads it."""


def format_named(name: str) -> Format:
    """The reader of the format `name`, a key of FORMATS; only the one that is used is imported."""
    module, kind = FORMATS[name]
    reader: Format = getattr(import_module(module), kind)()
    return reader


__all__ = ["FORMATS", "Format", "Header", "ShardIndex", "format_named", "parse_bundle", "shard_index"]
