"""A batch: repositories are read at once, up to a bound, each row is kept as it is finished, and all become one file."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from memscan.batch.job import Asked, Job
from memscan.batch.journal import NETWORK, SUFFIX, Journal
from memscan.batch.output import write_output
from memscan.batch.plan import Order, asked_of_search, asked_of_words
from memscan.batch.reading import RowReader
from memscan.batch.row import Row
from memscan.batch.sources import PlannedSources
from memscan.document import shown
from memscan.errors import UsageError
from memscan.source.limits import Limits
from memscan.source.rate_limit import Monotonic
from memscan.source.search import HubSearch

SYNC = 1.0  # seconds between two times that finished rows are put on the disk


class BatchProgress(Protocol):
    """Told how a batch goes on."""

    def expect(self, repositories: int, finished: int) -> None:
        """So many are known by now, of which so many were finished by an earlier run."""

    def advance(self, row: Row) -> None:
        """One more has been read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the rows of a job go."""

    output: Path
    format: str
    """One of `memscan.batch.FORMATS`."""
    resume: bool = False
    """Whether to go on with the journal of an earlier run."""
    retry_failed: bool = False
    """Whether rows whose network failed are read again."""

    @property
    def journal(self) -> Path:
        """The journal, beside the output."""
        return self.output.with_name(self.output.name + SUFFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a batch ended."""

    rows: int
    failures: Mapping[int, int]
    """Rows that failed, by exit code."""
    repeated: int
    """Targets that were named more than once."""
    journal: Path | None
    """Where it was kept, because rows may be tried again."""


class Crew(Protocol):
    """Those who read: the tasks of one process, or the workers of a cluster."""

    async def read(self, asked: AsyncIterator[Asked], finish: Callable[[Asked, Row], None]) -> None:
        """Read all of `asked`, and tell `finish` of each exactly once."""


class Tasks:
    """Reads in this process, over one HTTP client."""

    def __init__(self, job: Job, sources: PlannedSources) -> None:
        self._job = job
        self._sources = sources

    async def read(self, asked: AsyncIterator[Asked], finish: Callable[[Asked, Row], None]) -> None:
        """See `Crew.read`."""
        reader = RowReader(self._job, self._sources, Monotonic())
        lock = asyncio.Lock()

        async def work() -> None:
            while True:
                async with lock:  # an asynchronous generator gives to one at a time
                    one = await anext(asked, None)
                if one is None:
                    return
                finish(one, await reader.read(one))

        async with asyncio.TaskGroup() as group:
            for _ in range(self._job.concurrency):
                group.create_task(work())


async def run_here(
    job: Job, place: Place, words: Iterable[str], limits: Limits, progress: BatchProgress | None = None
) -> Outcome:
    """`run_batch` in this process."""
    async with PlannedSources(job.scan, limits) as sources:
        return await run_batch(job, place, words, sources=sources, crew=Tasks(job, sources), progress=progress)


async def run_batch(
    job: Job, place: Place, words: Iterable[str], *, sources: PlannedSources, crew: Crew, progress: BatchProgress | None = None
) -> Outcome:
    """Read all repositories of `job` by `crew`, and write their rows to `place`, in the order of the input.

    `words` are the targets, where the job is no search; `sources` are what a search asks. Raises UsageError where journal or
    output cannot be written, and the MemscanError of a search that fails; what was finished by then is kept for the next run.
    """
    order = Order()

    def finish(asked: Asked, row: Row) -> None:
        journal.add(asked.key, row)
        if progress is not None:
            progress.advance(row)

    with _journal(job, place) as journal:
        everything = (
            asked_of_words(words, order)
            if job.query is None
            else asked_of_search(job, HubSearch(sources.transport()), journal, order)
        )
        syncing = asyncio.create_task(_sync(journal))
        try:
            async with aclosing(everything), aclosing(_unfinished(everything, journal, order, progress)) as rest:
                await crew.read(rest, finish)
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        finally:
            syncing.cancel()
        failures: Counter[int] = Counter()
        write_output(place.output, place.format, _rows(journal, order, failures))
        if not failures[NETWORK]:
            journal.remove()
    kept = place.journal if failures[NETWORK] else None
    return Outcome(rows=len(order), failures=failures, repeated=order.repeated, journal=kept)


def _journal(job: Job, place: Place) -> Journal:
    if not place.resume:
        return Journal.start(place.journal, job)
    if place.output.exists() and not place.journal.exists():
        raise UsageError(
            f"{shown(str(place.output))} is finished: there is no journal to go on with; to make it anew do without --resume"
        )
    return Journal.resume(place.journal, job, retry_failed=place.retry_failed)


async def _unfinished(
    asked: AsyncIterator[Asked], journal: Journal, order: Order, progress: BatchProgress | None
) -> AsyncGenerator[Asked, None]:
    """What no earlier run has finished."""
    finished = 0
    async for one in asked:
        done = one.key in journal
        finished += done
        if progress is not None:
            progress.expect(len(order), finished)
        if not done:
            yield one


async def _sync(journal: Journal) -> None:
    while True:
        await asyncio.sleep(SYNC)
        journal.sync()


def _rows(journal: Journal, order: Order, failures: Counter[int]) -> Iterator[Mapping[str, object]]:
    """The rows in the order of the input, one in memory at a time; those that failed are counted."""
    for key in order:
        row = journal.row(key)
        code = row["exit_code"]
        if isinstance(code, int) and code:
            failures[code] += 1
        yield row
