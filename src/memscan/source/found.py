"""A repository that a search has found, with one file of weights: read without asking the API for its listing.

The search told the commit and the names of the files, the reply to the first range of the weights tells their size; so only
resolvers are asked, which the Hub grants several times more of than API requests.
"""

from memscan.errors import GatedError, MemscanError, ServerError
from memscan.read import ByteRange
from memscan.source.base import HEAD, Listing
from memscan.source.hub import MAIN, HubSource
from memscan.source.search import Found
from memscan.source.target import Target
from memscan.source.transport import Transport


class FoundSource(HubSource):
    """Reads the repository `found`, at the commit that the search named; `weights` is its one file of weights."""

    def __init__(self, transport: Transport, target: Target, found: Found, weights: str) -> None:
        super().__init__(transport, target)
        self._found = found
        self._weights = weights
        self._head = b""
        self._listed = False

    async def listing(self) -> Listing:
        """The head of the weights, and with it their size; of the other files only the names are known, and no size is asked.

        Where that does not go as expected, one API request as for any repository.
        """
        self._commit = self._found.commit
        try:
            reply = await self._get(self._resolve(self._weights), limit=HEAD, wanted=ByteRange(0, HEAD))
        except GatedError:
            raise
        except MemscanError:  # changed since the search, empty, a server that is out of order: the listing finds out which
            return await self._list()
        if reply.size is None:
            return await self._list()
        self._head, self._locations[self._weights] = reply.body, reply.url
        self._sizes = {**dict.fromkeys(self._found.files, 0), self._weights: reply.size}
        return Listing(
            name=self._found.repo_id, files=self._sizes, repo_id=self._found.repo_id, revision=MAIN, commit=self._commit,
            library=self._found.library, public=self._found.public,
        )  # fmt: skip

    async def fetch(self, path: str, wanted: ByteRange) -> bytes:
        """From the head that is here, or by a request."""
        if path == self._weights and wanted.stop <= len(self._head):
            return self._head[wanted.start : wanted.stop]
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

    async def _list(self) -> Listing:
        self._listed, self._commit, self._head = True, None, b""
        self._locations.clear()
        return await super().listing()
