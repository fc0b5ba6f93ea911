"""A source whose listing was asked for before anybody opened it."""

import asyncio
from types import TracebackType
from typing import Self

from memscan.read import ByteRange
from memscan.source.base import Listing, Source


class Begun:
    """Another source, of which the listing is on its way."""

    def __init__(self, source: Source) -> None:
        """Needs a running event loop: the request goes out with its next turn."""
        self._source = source
        self._listing = asyncio.create_task(source.listing())

    async def listing(self) -> Listing:
        """The listing that was asked for."""
        return await self._listing

    async def fetch(self, path: str, wanted: ByteRange) -> bytes:
        """As the source does."""
        return await self._source.fetch(path, wanted)

    async def read(self, path: str, limit: int) -> bytes:
        """As the source does."""
        return await self._source.read(path, limit)

    async def bundle(self, index: str) -> bytes | None:
        """As the source does."""
        return await self._source.bundle(index)

    async def conversion(self) -> str | None:
        """As the source does."""
        return await self._source.conversion()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listing.cancel()
        await asyncio.gather(self._listing, return_exceptions=True)
        await self._source.__aexit__(kind, error, trace)
