"""The head of one file, read once, so that a parser's small questions cost one request."""

from memscan.read import ByteRange
from memscan.source.base import Source


class Head:
    """Answers ranges of the file `path` of `size` bytes; lives as long as its header is being read, and holds its bytes.

    `readahead` is the listing's; where it is 0, nothing is fetched but what is asked for.
    """

    def __init__(self, source: Source, path: str, size: int, readahead: int) -> None:
        self._source = source
        self._path = path
        self._size = size
        self._readahead = readahead
        self._head = b""

    @property
    def nbytes(self) -> int:
        """Bytes at hand."""
        return len(self._head)

    async def fetch(self, wanted: ByteRange) -> bytes:
        """From the bytes at hand; else the usual head first, and after that only what is missing behind it."""
        if wanted.start > max(self._readahead, len(self._head)):
            return await self._source.fetch(self._path, wanted)
        if wanted.stop > len(self._head):
            stop = wanted.stop if self._head else max(wanted.stop, min(self._readahead, self._size))
            self._head += await self._source.fetch(self._path, ByteRange(len(self._head), stop - len(self._head)))
        return self._head[wanted.start : wanted.stop]
