"""GET /api/models/{repo}/tree/{revision}[/{folder}]: the listing, page by page.

https://huggingface.co/docs/hub/api (the Link header leads to the next page)
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from urllib.parse import urlencode

from .catalogue import Visit, split_revision
from .entry import Entry
from .message import Reply, json_reply
from .refusal import entry_not_found, refused
from .repository import Revision

COMMIT_DATE = "2022-03-02T23:29:04.000Z"


def tree(visit: Visit, parts: tuple[str, ...], page_size: int) -> Reply:
    """Answer with one page of the folder, and with the address of the next one."""
    name, folder = split_revision(parts)
    revision = visit.revision(name)
    request = visit.request
    prefix = "".join(f"{part}/" for part in folder if part)
    rows = list(_rows(revision, prefix, recursive=request.flag("recursive"), expand=request.flag("expand")))
    if prefix and not rows:
        raise entry_not_found(f'{prefix.rstrip("/")} does not exist on "{name}"')
    query = request.query
    limit = min(_limit(query.get("limit", [""])[-1]) or page_size, page_size)
    start = _offset(query["cursor"][-1]) if "cursor" in query else 0
    headers = {}
    if start + limit < len(rows):
        following = urlencode({**query, "limit": [str(limit)], "cursor": [_cursor(start + limit)]}, doseq=True)
        headers["Link"] = f'<http://{request.headers.get("Host", "")}{request.path}?{following}>; rel="next"'
    return json_reply(rows[start : start + limit], headers)


def _rows(revision: Revision, prefix: str, *, recursive: bool, expand: bool) -> Iterator[dict[str, object]]:
    """Yield folders first, each followed by what it holds where the listing is recursive, then files."""
    inside = [entry for path, entry in revision.entries.items() if path.startswith(prefix)]
    below = [entry.path[len(prefix) :] for entry in inside]
    extra = _last_commit(revision) if expand else {}
    for folder in sorted({path.partition("/")[0] for path in below if "/" in path}):
        yield {"type": "directory", "oid": _folder_oid(prefix + folder), "size": 0, "path": prefix + folder, **extra}
        if recursive:
            yield from _rows(revision, f"{prefix}{folder}/", recursive=True, expand=expand)
    for entry, path in zip(inside, below, strict=True):
        if "/" not in path:
            yield {**_file(entry), **extra}


def _file(entry: Entry) -> dict[str, object]:
    row: dict[str, object] = {"type": "file", "oid": entry.oid, "size": entry.size, "path": entry.path}
    if entry.lfs:
        row["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": len(entry.pointer)}
    return row


def _last_commit(revision: Revision) -> dict[str, object]:
    return {"lastCommit": {"id": revision.commit, "title": "Upload the model", "date": COMMIT_DATE}}


def _folder_oid(path: str) -> str:
    return hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()


def _limit(text: str) -> int:
    """Return the asked page size, 0 where none is asked."""
    if text and not text.isdecimal():
        raise refused(400, "Invalid limit")
    return int(text or 0)


def _cursor(offset: int) -> str:
    """Return an opaque word for a place in the listing: clients must follow the link, not count."""
    return base64.urlsafe_b64encode(f"offset:{offset}".encode()).decode()


def _offset(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("offset:"))
    except (binascii.Error, ValueError) as error:
        raise refused(400, "Invalid cursor") from error
