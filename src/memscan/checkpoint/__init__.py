"""Which tensors a set of files stores."""

from memscan.checkpoint.assemble import assemble, compare_total_size, compare_with_index, unlisted_shards
from memscan.checkpoint.base import Checkpoint, Shard
from memscan.checkpoint.buffers import is_buffer
from memscan.checkpoint.select import Selection, select

__all__ = [
    "Checkpoint",
    "Selection",
    "Shard",
    "assemble",
    "compare_total_size",
    "compare_with_index",
    "is_buffer",
    "select",
    "unlisted_shards",
]
