"""The head of one file, read once, so that a parser's small questions cost one request."""

from memscan.read import ByteRange
from memscan.source.base import Source

# 97 % of the headers of the Hub's 1,000 most used checkpoints are shorter (huggingface_hub, get_safetensors_metadata).
HEAD = 100_000


class Head:
    """Answers ranges of the file `path` of `size` bytes; lives as long as its header is being read, and holds its bytes."""

    def __init__(self, source: Source, path: str, size: int) -> None:
        self._source = source
        self._path = path
        self._size = size
        self._head = b""

    @property
    def nbytes(self) -> int:
        """Bytes at hand."""
        return len(self._head)

    async def fetch(self, wanted: ByteRange) -> bytes:
        """From the bytes at hand; else the usual head first, and after that only what is missing behind it."""
        if wanted.start > max(HEAD, len(self._head)):
            return await self._source.fetch(self._path, wanted)
        if wanted.stop > len(self._head):
            stop = wanted.stop if self._head else max(wanted.stop, min(HEAD, self._size))
            self._head += await self._source.fetch(self._path, ByteRange(len(self._head), stop - len(self._head)))
        return self._head[wanted.start : wanted.stop]
