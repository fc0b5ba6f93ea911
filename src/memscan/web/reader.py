"""Reads models for many at once: each in a thread of its own, with a bound on time, bytes and how many."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from memscan.errors import MemscanError, TargetError
from memscan.estimate import Report
from memscan.scanning import ScanOptions, scan_all
from memscan.source import Sources
from memscan.web.admission import admit
from memscan.web.limits import Limits, Urls
from memscan.web.query import Query

T = TypeVar("T")
HEADER = "header"  # a server builds no models: that needs torch, and may run code of strangers


class Count:
    """A `memscan.scanning.Progress` that another thread looks at."""

    def __init__(self) -> None:
        self.started = False
        self.expected = 0
        self.done = 0

    def expect(self, files: int) -> None:
        """See `Progress.expect`."""
        self.expected += files

    def advance(self) -> None:
        """See `Progress.advance`."""
        self.done += 1


class Reader:
    """Reads what queries ask for. Threads share the processor fairly, so that a large model does not stop the others."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._threads = ThreadPoolExecutor(limits.readings, thread_name_prefix="memscan")

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns, from one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def read(self, query: Query, token: str | None, count: Count) -> Report:
        """The report of `query`, for a thread; raises the MemscanError that stands in its place.

        With `token`, nothing is kept and nothing that was kept is read: what one may see is no business of the next.
        Without one, none is used, not the server's own either.
        """
        admitted = admit(query.model, query.revision, self._limits.urls)
        options = ScanOptions(
            revision=admitted.revision, library=query.library, dtypes=query.dtypes or None, backend=HEADER, token=token
        )
        sources = Sources(
            token=token or False,
            cache=token is None,
            public_only=admitted.is_url and self._limits.urls is not Urls.ANY,
            most_bytes=self._limits.header_bytes,
        )
        outcome = asyncio.run(self._bounded(admitted.word, options, sources, count))
        if isinstance(outcome, MemscanError):
            raise outcome
        origin = replace(outcome.model.origin, requested=admitted.shown)
        return replace(outcome, model=replace(outcome.model, origin=origin))

    async def _bounded(self, word: str, options: ScanOptions, sources: Sources, count: Count) -> Report | MemscanError:
        seconds = self._limits.seconds
        try:
            async with asyncio.timeout(seconds):
                (outcome,) = await scan_all([word], options, count, sources)
        except TimeoutError:
            return TargetError(
                f"reading it took more than {seconds:g} s, the most that a query gets here; try again later,"
                " or run memscan yourself"
            )
        return outcome

    def close(self) -> None:
        """Wait for nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)
