"""Which tensors a set of files stores."""

from memscan.checkpoint.assemble import (
    assemble,
    combined,
    compare_total_size,
    compare_with_index,
    renamed,
    unlisted_shards,
)
from memscan.checkpoint.base import Checkpoint, Shard
from memscan.checkpoint.buffers import is_buffer
from memscan.checkpoint.select import Selection, select
from memscan.checkpoint.verdict import Verdict, explain
from memscan.checkpoint.weight_sets import WeightSet

__all__ = [
    "Checkpoint",
    "Selection",
    "Shard",
    "Verdict",
    "WeightSet",
    "assemble",
    "combined",
    "compare_total_size",
    "compare_with_index",
    "explain",
    "is_buffer",
    "renamed",
    "select",
    "unlisted_shards",
]
