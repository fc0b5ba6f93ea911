"""The index of a sharded checkpoint: which tensor stands in which shard.

Layout: `{"metadata": {"total_size": int}, "weight_map": {tensor: file}}`, as written by `save_pretrained`
(https://huggingface.co/docs/safetensors/metadata_parsing and `split_torch_state_dict_into_shards` in huggingface_hub).
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from memscan.document import Document, decode_at, shown, text_of, walk
from memscan.errors import FormatError

MAX_INDEX = 250_000_000  # bytes; the largest known, Kimi-K3's, has about 60 MB (huggingface.js streams up to this)
PIECE = 1_000_000  # characters of an index that are read at once
SPACE = " \t\n\r"
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
    text = text_of(raw, path)
    del raw  # tens of megabytes, as the text
    index = _by_parts(text, path) or Document.parse(text, path)
    entries = index.child("weight_map")
    if entries is None:
        raise FormatError(f"{path} has no weight_map: it is not the index of a sharded checkpoint")
    folder = posixpath.dirname(path)
    if set(map(type, entries.values.values())) - {str}:
        tensor, shard = next((tensor, shard) for tensor, shard in entries.values.items() if type(shard) is not str)
        raise FormatError(f"{path}: {shown(tensor)} is in {shown(shard)}, expected the name of a file")
    shards = dict.fromkeys(map(str, entries.values.values()))
    names = {shard: posixpath.join(folder, _inside(shard, path)) for shard in shards}
    if not names:
        raise FormatError(f"{path} has an empty weight_map: it names no shard")
    if len(names) > MAX_SHARDS:
        raise FormatError(f"{path} names {len(names):,} shards, more than the {MAX_SHARDS:,} that memscan reads")
    weight_map = {tensor: names[str(shard)] for tensor, shard in entries.values.items()} if folder else entries.values
    return ShardIndex(
        path=path,
        weight_map=cast("Mapping[str, str]", weight_map),
        metadata=index.child("metadata") or Document(f"{path}: metadata", {}),
    )


def _by_parts(text: str, path: str) -> Document | None:
    """The index in `text`, its map read without decoding each name as JSON; None where something is wrong with it."""
    parts: dict[str, object] = {}

    def part(key: str, at: int) -> int:
        found = _pairs(text, at) if key == "weight_map" else None
        parts[key], end = found or decode_at(text, at, path)
        return end

    try:
        end = walk(text, 0, path, part)
    except FormatError:
        return None
    return None if text[end:].strip(SPACE) else Document(path, parts)


def _pairs(text: str, at: int) -> tuple[dict[str, str], int] | None:
    """The object of strings that starts at `at`, and where it ends; None where a string of it is not plain, or stands twice.

    Cut at its quotes, it is a name, a colon, a value and a comma in turn. Pieces of the text, one after the other, and one
    string for all equal values take a third of the memory of a decoder, and half the time.
    """
    stop = text.find("}", at)
    pairs: dict[str, str] = {}
    values: dict[str, str] = {}
    count, before = 0, "{"
    while at < stop:
        cut = text.find('",', at + PIECE, stop) + 1 or stop
        pieces = text[at:cut].split('"')
        names, between, after = pieces[1::4], set(pieces[2::4]), set(pieces[4:-1:4])
        last = pieces.pop()
        if not pieces or len(pieces) % 4 or pieces[0].strip(SPACE) != before or last.strip(SPACE):
            return None
        if any(one.strip(SPACE) != ":" for one in between) or any(one.strip(SPACE) != "," for one in after):
            return None
        values.update((one, one) for one in set(pieces[3::4]) if one not in values)
        pairs.update(zip(names, map(values.__getitem__, pieces[3::4]), strict=True))
        if not _is_plain("".join(names)):
            return None
        count, at, before = count + len(names), cut, ","
    return (pairs, stop + 1) if len(pairs) == count > 0 and all(map(_is_plain, values)) else None


def _is_plain(name: str) -> bool:
    """Whether a string is spelled as it is: without an escape, and without what has to be escaped."""
    return "\\" not in name and name.isprintable()


def _inside(shard: str, path: str) -> str:
    """`shard` itself, where it is a relative path that stays below the index's folder on every platform."""
    parts = shard.split("/")
    if "\\" in shard or ":" in shard or "\0" in shard or not all(parts) or any(part in (".", "..") for part in parts):
        raise FormatError(f"{path} names the shard {shown(shard)}, which is not a file beside it; refused")
    return shard
