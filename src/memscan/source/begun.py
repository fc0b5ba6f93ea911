"""A source whose listing was asked for before anybody opened it, and what the listing says will be wanted next."""

import asyncio
from types import TracebackType
from typing import Self

from memscan.read import ByteRange
from memscan.source.base import Listing, Source

INDEX = "model.safetensors.index.json"
INSTEAD = frozenset({"model.safetensors", "model_index.json"})  # where one of them is, the index is not what is read first


class Begun:
    """Another source, of which the listing is on its way, and then the headers of a sharded checkpoint."""

    def __init__(self, source: Source, *, guess: bool) -> None:
        """Needs a running event loop: the request goes out with its next turn. `guess`: the headers will be wanted too."""
        self._source = source
        self._bundle: asyncio.Task[bytes | None] | None = None
        self._listing = asyncio.create_task(self._listed(guess=guess))

    async def _listed(self, *, guess: bool) -> Listing:
        listing = await self._source.listing()
        if guess and INDEX in listing.files and INSTEAD.isdisjoint(listing.files):
            self._bundle = asyncio.create_task(self._source.bundle(INDEX))
        return listing

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
        """As the source does, or did when it had the listing."""
        task = self._bundle
        if task is None or index != INDEX:
            return await self._source.bundle(index)
        self._bundle = None
        body = await task
        del task
        await asyncio.sleep(0)  # until its next turn the loop holds the task, and with it 75 MB of Kimi-K3
        return body

    async def conversion(self) -> str | None:
        """As the source does."""
        return await self._source.conversion()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        tasks = [task for task in (self._listing, self._bundle) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._source.__aexit__(kind, error, trace)
