"""A source held in memory: for tests, for examples, and for who writes a source of their own."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from memscan.errors import FormatError
from memscan.read import ByteRange
from memscan.source.base import Listing


class MemorySource:
    """Serves `files` and remembers what was asked of it."""

    def __init__(self, files: Mapping[str, bytes], *, name: str = "memory", library: str | None = None) -> None:
        self._files = dict(files)
        self._name = name
        self._library = library
        self.asked: list[tuple[str, ByteRange]] = []

    async def listing(self) -> Listing:
        """The names and sizes of the files."""
        return Listing(name=self._name, files={path: len(data) for path, data in self._files.items()}, library=self._library)

    async def fetch(self, path: str, wanted: ByteRange) -> bytes:
        """The range, which must lie inside the file."""
        self.asked.append((path, wanted))
        data = self._files[path]
        if wanted.stop > len(data):
            raise FormatError(f"{path} has {len(data):,} bytes, asked for {wanted.stop:,}")
        return data[wanted.start : wanted.stop]

    async def read(self, path: str, limit: int) -> bytes:
        """The whole file, if it is not larger than `limit`."""
        self.asked.append((path, ByteRange(0, len(self._files[path]))))
        if len(self._files[path]) > limit:
            raise FormatError(f"{path} is larger than {limit:,} bytes")
        return self._files[path]

    async def bundle(self, index: str) -> bytes | None:
        """Memory has no such service."""
        return None

    async def conversion(self) -> str | None:
        """Memory has no pull requests."""
        return None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None
