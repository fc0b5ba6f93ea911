"""The Range header: which part of a content a client asked for.

https://www.rfc-editor.org/rfc/rfc9110#section-14 (range requests)
"""

import re
from collections.abc import Mapping

from .content import Content, Span, whole
from .message import Reply, Request, text_reply

RANGE = re.compile(r"bytes=(\d*)-(\d*)")  # one range only: several are answered whole, as the specification allows


class UnsatisfiableError(ValueError):
    """A range that lies wholly beyond the end."""


def part(content: Content, header: str | None) -> Span | None:
    """Return the asked part, or None where the whole is to be sent."""
    match = RANGE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    size = content.size
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
    if last and first and int(last) < int(first):
        return None
    if start >= stop:
        raise UnsatisfiableError(header)
    return Span(content, start, stop - start)


def content_reply(request: Request, content: Content, headers: Mapping[str, str]) -> Reply:
    """Answer with the content: 200 with all of it, 206 with a part, or 416."""
    size = content.size
    fields = {"Accept-Ranges": "bytes", **headers}
    try:
        span = part(content, request.headers.get("Range"))
    except UnsatisfiableError:
        return text_reply(416, "The requested range cannot be satisfied.", {"Content-Range": f"bytes */{size}"})
    if span is None:
        return Reply(status=200, headers=fields, body=whole(content))
    stated = f"bytes {span.start}-{span.start + span.length - 1}/{size}"
    return Reply(status=206, headers={**fields, "Content-Range": stated}, body=span)
