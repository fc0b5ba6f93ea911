"""How the headers of checkpoint files are laid out: one file a format, all of them pure."""

from memscan.formats import shard_index
from memscan.formats.base import Format, Header
from memscan.formats.gguf import Gguf
from memscan.formats.safetensors import Safetensors, parse_bundle
from memscan.formats.shard_index import ShardIndex

FORMATS: tuple[Format, ...] = (Safetensors(), Gguf())
"""Every format that memscan reads, in the order in which a loader prefers them."""

__all__ = ["FORMATS", "Format", "Gguf", "Header", "Safetensors", "ShardIndex", "parse_bundle", "shard_index"]
