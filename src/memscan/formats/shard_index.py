"""The index of a sharded checkpoint: which tensor stands in which shard.

Layout: `{"metadata": {"total_size": int}, "weight_map": {tensor: file}}`, as written by `save_pretrained`
(https://huggingface.co/docs/safetensors/metadata_parsing and `split_torch_state_dict_into_shards` in huggingface_hub).
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from memscan.document import Document, shown
from memscan.errors import FormatError

MAX_INDEX = 250_000_000  # bytes; the largest known, Kimi-K3's, has about 60 MB (huggingface.js streams up to this)
MAX_SHARDS = 10_000  # as huggingface.js


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardIndex:
    """A shard index, its file names resolved against the folder that it stands in."""

    path: str
    weight_map: Mapping[str, str]
    """Tensor name to the path of its shard, from the root of the checkpoint's folder or repository."""
    metadata: Document
    """The index's own account of itself; `total_size` is in it, right or wrong."""

    @property
    def shards(self) -> tuple[str, ...]:
        """The shards that the map names, each once, in order of name."""
        return tuple(sorted(set(self.weight_map.values())))


def parse(raw: bytes, path: str) -> ShardIndex:
    """The index in `raw`, which stands at `path`; FormatError where it is none, or names a file outside its folder."""
    index = Document.parse(raw, path)
    entries = index.child("weight_map")
    if entries is None:
        raise FormatError(f"{path} has no weight_map: it is not the index of a sharded checkpoint")
    folder = posixpath.dirname(path)
    names: dict[str, str] = {}
    for tensor, shard in entries.values.items():
        if not isinstance(shard, str):
            raise FormatError(f"{path}: {shown(tensor)} is in {shown(shard)}, expected the name of a file")
        if shard not in names:
            names[shard] = posixpath.join(folder, _inside(shard, path))
    if not names:
        raise FormatError(f"{path} has an empty weight_map: it names no shard")
    if len(names) > MAX_SHARDS:
        raise FormatError(f"{path} names {len(names):,} shards, more than the {MAX_SHARDS:,} that memscan reads")
    weight_map = {tensor: names[str(shard)] for tensor, shard in entries.values.items()}
    return ShardIndex(path=path, weight_map=weight_map, metadata=index.child("metadata") or Document(f"{path}: metadata", {}))


def _inside(shard: str, path: str) -> str:
    """`shard` itself, where it is a relative path that stays below the index's folder on every platform."""
    parts = shard.split("/")
    if "\\" in shard or ":" in shard or "\0" in shard or not all(parts) or any(part in (".", "..") for part in parts):
        raise FormatError(f"{path} names the shard {shown(shard)}, which is not a file beside it; refused")
    return shard
