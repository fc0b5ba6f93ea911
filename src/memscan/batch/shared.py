"""A source that many read, some at once: each thing is asked for once."""

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from memscan.errors import NetworkError
from memscan.read import ByteRange
from memscan.source import Listing, Source

T = TypeVar("T")


class SharedSource:
    """Keeps what `inner` answered, and its refusals; a network that failed may work the next time."""

    def __init__(self, inner: Source) -> None:
        self._inner = inner
        self._answers: dict[tuple[object, ...], asyncio.Future[Any]] = {}

    async def listing(self) -> Listing:
        """See `Source.listing`."""
        return await self._once(("listing",), self._inner.listing)

    async def fetch(self, path: str, wanted: ByteRange) -> bytes:
        """See `Source.fetch`."""
        return await self._once(("fetch", path, wanted), lambda: self._inner.fetch(path, wanted))

    async def read(self, path: str, limit: int) -> bytes:
        """See `Source.read`."""
        return await self._once(("read", path, limit), lambda: self._inner.read(path, limit))

    async def bundle(self, index: str) -> bytes | None:
        """See `Source.bundle`."""
        return await self._once(("bundle", index), lambda: self._inner.bundle(index))

    async def conversion(self) -> str | None:
        """See `Source.conversion`."""
        return await self._once(("conversion",), self._inner.conversion)

    async def _once(self, key: tuple[object, ...], ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        answer: asyncio.Future[T] | None = self._answers.get(key)
        if answer is None:
            answer = asyncio.ensure_future(ask())
            self._answers[key] = answer
            answer.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(answer)  # who gives up does not take it from the others

    def _forget(self, key: tuple[object, ...], done: "asyncio.Future[Any]") -> None:
        if done.cancelled() or isinstance(done.exception(), NetworkError):
            self._answers.pop(key, None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None
