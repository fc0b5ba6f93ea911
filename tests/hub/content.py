"""The bytes of one file, held in memory or on disk and only ever read in pieces."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Content:
    """What a file holds. A path may name a sparse file of any size: it is never read whole."""

    source: bytes | Path

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def read(self, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start` on."""
        if isinstance(self.source, bytes):
            return self.source[start : start + length]
        with self.source.open("rb") as file:
            file.seek(start)
            return file.read(length)


@dataclass(frozen=True)
class Span:
    """A part of a content: the body of a reply."""

    content: Content
    start: int
    length: int

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset` on, counted from the start of the span."""
        return self.content.read(self.start + offset, min(length, self.length - offset))


def whole(content: Content | bytes) -> Span:
    """Return the span that covers everything."""
    content = Content(content) if isinstance(content, bytes) else content
    return Span(content, 0, content.size)
