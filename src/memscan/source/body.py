"""The body of a reply: the whole of it, or exactly the range that was asked for; bounded, verified, and cut off where it drips.

Specification: https://www.rfc-editor.org/rfc/rfc9110#name-range-requests.
"""

import asyncio
import re
from collections.abc import AsyncIterator

from memscan.document import shown
from memscan.errors import ServerError, UnreachableError
from memscan.printable import shown_url
from memscan.read import ByteRange
from memscan.source.client import Response
from memscan.source.patience import AgainError, refusal
from memscan.source.transport import Reply

SLOW_AFTER = 20.0  # seconds after which a body must have come faster than MIN_RATE: a server that drips is a server that hangs
MIN_RATE = 10_000  # bytes a second
CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")


async def take(url: str, response: Response, wanted: ByteRange | None, limit: int, commit: str | None) -> Reply:
    """The body of a final response: whole, or exactly the range `wanted`."""
    status = response.status
    if status >= 400:
        raise refusal(url, status, response.headers)
    if wanted is None:
        if status != 200:
            raise ServerError(f"{shown_url(url)} answered with HTTP status {status}, expected 200")
        body = await _collect(url, response.decoded(), skip=0, limit=limit + 1)
        if len(body) > limit:
            raise ServerError(f"{shown_url(url)} sends more than {limit:,} bytes; memscan does not read such a reply")
        return Reply(url=url, body=body, size=len(body), commit=commit, link=response.headers.get("link"))
    encoding = response.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise ServerError(
            f"{shown_url(url)} answered a range with Content-Encoding {shown(encoding)}; the bytes cannot be placed"
        )
    if status == 200:
        # The server ignores Range: what is wanted stands in the whole file, and the rest is not waited for.
        size = content_length(response)
        body = await _collect(url, response.raw(), skip=wanted.start, limit=wanted.length)
        return _whole(url, body, wanted.length if size is None else min(wanted.stop, size) - wanted.start, size, commit)
    if status != 206:
        raise ServerError(f"{shown_url(url)} answered a range with HTTP status {status}, expected 206")
    length, size = _content_range(url, response, wanted)
    body = await _collect(url, response.raw(), skip=0, limit=length + 1)
    return _whole(url, body, length, size, commit)


def _whole(url: str, body: bytes, expected: int, size: int | None, commit: str | None) -> Reply:
    if len(body) != expected:
        raise AgainError(
            ServerError(f"{shown_url(url)} sent {len(body):,} bytes of a range of {expected:,}; try again later"), retries=1
        )
    return Reply(url=url, body=body, size=size, commit=commit)


async def _collect(url: str, chunks: AsyncIterator[bytes], *, skip: int, limit: int) -> bytes:
    """`limit` bytes behind the first `skip`, fewer where the body ends before; never holds more than a chunk too much."""
    clock = asyncio.get_running_loop().time
    started, received = clock(), 0
    kept = bytearray()
    async for chunk in chunks:
        kept += chunk[max(0, skip - received) :]
        received += len(chunk)
        if len(kept) >= limit:
            break
        elapsed = clock() - started
        if elapsed > SLOW_AFTER and received < elapsed * MIN_RATE:
            raise UnreachableError(f"{shown_url(url)} sent only {received:,} bytes in {elapsed:.0f} s; try again later")
    return bytes(memoryview(kept)[:limit])  # a slice would copy it once more, and it may have 85 MB


def _content_range(url: str, response: Response, wanted: ByteRange) -> tuple[int, int | None]:
    """Length of the part and size of the file; ServerError where the part is not the one that was asked for."""
    given = response.headers.get("content-range", "")
    match = CONTENT_RANGE.fullmatch(given.strip())
    if match is not None:
        start, last = int(match[1]), int(match[2])
        size = None if match[3] == "*" else int(match[3])
        stop = wanted.stop if size is None else min(wanted.stop, size)
        if start == wanted.start and last + 1 == stop:
            return stop - start, size
    raise ServerError(
        f"{shown_url(url)} answered with Content-Range {shown(given)}, asked for bytes {wanted.start}-{wanted.stop - 1};"
        " the server or a proxy between is broken"
    )


def content_length(response: Response) -> int | None:
    """The size that the reply states; None where it states none, or nonsense."""
    length = response.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None
