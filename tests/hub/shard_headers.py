"""GET /api/models/{repo}/safetensors-metadata/{index}: the headers of every shard on `main` in one reply.

https://huggingface.co/docs/huggingface_hub/package_reference/hf_api (get_sharded_safetensors_metadata)
"""

import json
import posixpath
import struct
from functools import lru_cache
from typing import Any

from .catalogue import Visit
from .content import Content
from .message import Reply, json_reply
from .refusal import entry_not_found, refused
from .repository import Revision

KEPT = 4  # replies: one of 500,000 tensors takes seconds to make, and the real Hub does not make it each time either
LENGTH = struct.Struct("<Q")


def shard_headers(visit: Visit, parts: tuple[str, ...]) -> Reply:
    """Answer with the index (without its weight map, which the headers repeat) and the header of each shard."""
    visit.require_files()
    return _reply(visit.repository.main, "/".join(parts))


@lru_cache(KEPT)
def _reply(revision: Revision, path: str) -> Reply:
    entries = revision.entries
    if path not in entries:
        raise entry_not_found()
    try:
        index = json.loads(entries[path].content.read(0, entries[path].size))
        shards = sorted(set(index["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise refused(400, f"{path} is not a safetensors index") from error
    headers = {}
    for shard in shards:
        place = posixpath.join(posixpath.dirname(path), str(shard))
        if place not in entries:
            raise entry_not_found(f"{place} does not exist")
        headers[shard] = _header(entries[place].content, place)
    without_map = {key: value for key, value in index.items() if key != "weight_map"}
    return json_reply({"index": without_map, "headers": headers}, {"X-Repo-Commit": revision.commit})


def _header(content: Content, place: str) -> Any:
    try:
        (length,) = LENGTH.unpack(content.read(0, LENGTH.size))
        return json.loads(content.read(LENGTH.size, min(length, content.size)))
    except (ValueError, struct.error) as error:
        raise refused(400, f"{place} is not a safetensors file") from error
