"""The hatch between pure parsers and the window: a parser asks for byte ranges and is sent the bytes.

A parser is a generator. It yields the `ByteRange` that it wants, is sent exactly those bytes, and returns its result; it
never learns whether they came from a file, a server or a test. `run` serves it from a function, `arun` from a coroutine.
"""

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """`length` bytes from `start`, both >= 0."""

    start: int
    length: int

    @property
    def stop(self) -> int:
        """The first byte behind the range."""
        return self.start + self.length


Read: TypeAlias = Generator[ByteRange, bytes, T]
"""A reading in progress: yields ranges, is sent bytes, returns `T`."""


def run(reading: Read[T], fetch: Callable[[ByteRange], bytes]) -> T:
    """Serve `reading` from `fetch` until it returns."""
    try:
        wanted = next(reading)
        while True:
            wanted = reading.send(fetch(wanted))
    except StopIteration as done:
        result: T = done.value
        return result


async def arun(reading: Read[T], fetch: Callable[[ByteRange], Awaitable[bytes]]) -> T:
    """The asynchronous twin of `run`: the same parser, the same result."""
    try:
        wanted = next(reading)
        while True:
            wanted = reading.send(await fetch(wanted))
    except StopIteration as done:
        result: T = done.value
        return result
