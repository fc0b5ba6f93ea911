"""One checkpoint file behind a plain http(s) URL; no token is ever sent there."""

import posixpath
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from memscan.errors import FormatError, NotFoundError, ServerError, TargetError
from memscan.read import ByteRange
from memscan.source.base import HEAD, Listing
from memscan.source.target import Target
from memscan.source.transport import Reply, StatusError, Transport


class UrlSource:
    """Reads one file. Its first request is for the head, because only a reply to a range tells the size."""

    def __init__(self, transport: Transport, target: Target) -> None:
        self._transport = transport
        self._url = target.url or ""
        self._shown = target.requested
        self._head = b""

    async def listing(self) -> Listing:
        """One request: the head of the file, and with it the size."""
        reply = await self._get(self._url, ByteRange(0, HEAD))
        if reply.size is None:
            raise ServerError(f"{self._shown}: the server does not say how large the file is, so its header cannot be checked")
        self._url, self._head = reply.url, reply.body
        name = posixpath.basename(unquote(urlsplit(self._shown).path))
        return Listing(name=self._shown, files={name: reply.size})

    async def fetch(self, path: str, wanted: ByteRange) -> bytes:
        """From the head that the listing brought, or by one more request."""
        if wanted.stop <= len(self._head):
            return self._head[wanted.start : wanted.stop]
        return (await self._get(self._url, wanted)).body

    async def read(self, path: str, limit: int) -> bytes:
        """A URL is one checkpoint file; there is no small file beside it."""
        raise FormatError(f"{self._shown} is not a file to read whole")

    async def bundle(self, index: str) -> bytes | None:
        """A plain server has no such service."""
        return None

    async def _get(self, url: str, wanted: ByteRange) -> Reply:
        try:
            return await self._transport.get(url, limit=wanted.length, wanted=wanted)
        except StatusError as refused:
            if refused.status in (404, 410):
                raise NotFoundError(f"{self._shown} was not found (HTTP {refused.status})") from refused
            if refused.status == 416:
                raise FormatError(f"{self._shown} is an empty file, expected one of weights") from refused
            if refused.status in (401, 403):
                raise TargetError(f"{self._shown} may not be read (HTTP {refused.status})") from refused
            raise refused.unexpected() from refused

    async def conversion(self) -> str | None:
        """A plain server has no pull requests."""
        return None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None
