"""A repository that a search has found, read without asking the API for its listing.

The search told the commit and the names of the files; the reply to the first range of a file tells its size. So only resolvers
are asked, which the Hub grants several times more of than API requests, and none that would not be asked anyway.
"""

import asyncio

from memscan.errors import GatedError, MemscanError, ServerError
from memscan.read import ByteRange
from memscan.source.base import HEAD, Listing
from memscan.source.hub import MAIN, HubSource
from memscan.source.search import Found
from memscan.source.target import Target
from memscan.source.transport import Transport


class FoundSource(HubSource):
    """Reads the repository `found` at the commit that the search named; `weights` are the files that are read of it."""

    def __init__(self, transport: Transport, target: Target, found: Found, weights: tuple[str, ...]) -> None:
        super().__init__(transport, target)
        self._found = found
        self._weights = weights
        self._heads: dict[str, bytes] = {}
        self._listed = False

    async def listing(self) -> Listing:
        """The heads of the weights, and with them their sizes; the size of no other file is known, or asked for.

        Where that does not go as expected, one API request as for any repository.
        """
        self._commit = self._found.commit
        self._sizes = dict.fromkeys(self._found.files, 0)
        try:
            async with asyncio.TaskGroup() as group:
                for path in self._weights:
                    group.create_task(self._head(path))
        except BaseExceptionGroup as failed:
            for error in failed.exceptions:
                if isinstance(error, GatedError) or not isinstance(error, MemscanError):
                    raise error from None
            return await self._list()  # changed since the search, empty, a server that is out of order: it finds out which
        return Listing(
            name=self._found.repo_id, files=self._sizes, repo_id=self._found.repo_id, revision=MAIN, commit=self._commit,
            library=self._found.library, public=self._found.public,
        )  # fmt: skip

    async def fetch(self, path: str, wanted: ByteRange) -> bytes:
        """From the head that is here, or by a request."""
        head = self._heads.get(path, b"")
        if wanted.stop <= len(head):
            return head[wanted.start : wanted.stop]
        return await super().fetch(path, wanted)

    async def read(self, path: str, limit: int) -> bytes:
        """A small file, whose size nobody told."""
        if self._listed:
            return await super().read(path, limit)
        try:
            return (await self._get(self._resolve(path), limit=limit)).body
        except ServerError:  # larger than the limit, perhaps: the listing tells
            await self._list()
            return await super().read(path, limit)

    async def _head(self, path: str) -> None:
        reply = await self._get(self._resolve(path), limit=HEAD, wanted=ByteRange(0, HEAD))
        if reply.size is None:
            raise ServerError(f"{self._found.repo_id}: the server does not say how large {path} is")
        self._heads[path], self._locations[path], self._sizes[path] = reply.body, reply.url, reply.size

    async def _list(self) -> Listing:
        self._listed, self._commit = True, None
        self._heads.clear()
        self._locations.clear()
        return await super().listing()
