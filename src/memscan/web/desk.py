"""Where queries arrive: counted by client, read in turn, answered or refused; what the page says of each, as it goes on."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil

from memscan.errors import MemscanError, RateLimitError
from memscan.printable import one_line
from memscan.units import plural
from memscan.web.answer import answer_of
from memscan.web.bucket import Buckets
from memscan.web.limits import Limits
from memscan.web.posting import Draft, Posted, draft_of, open_post, post
from memscan.web.query import Query
from memscan.web.reader import Count, Reader
from memscan.web.recent import Recent
from memscan.web.sheet import Sheet, sheet_of

POLL = 0.2  # seconds between two looks at how far a reading is
POSTS = 4  # previews and posts at once
LONGEST = 200  # characters of a word in a line for people
LOG = logging.getLogger(__name__)
Answered = tuple[Sheet, Draft | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far a query is: still under way, or answered, or refused."""

    said: str
    """One line for people."""
    sheet: Sheet | None = None
    """The answer."""
    draft: Draft | None = None
    """What could be posted of it."""
    error: MemscanError | None = None


class Desk:
    """Serves all clients of one server."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets = Buckets(burst=limits.burst, per_minute=limits.per_minute)
        self._reader = Reader(limits)
        self._posts = ThreadPoolExecutor(POSTS, thread_name_prefix="memscan-post")  # a Hub that is slow there holds up no reading
        self._recent: Recent[Query, Answered] = Recent()
        self._under_way = 0

    async def ask(self, query: Query, token: str | None, client: str) -> AsyncIterator[Step]:
        """The steps of `query`, the last of which is its end; raises nothing that memscan expects."""
        try:
            self._admit(client)
            known = None if token is not None else self._recent.find(query)
            if known is not None:
                yield _answered(*known)
                return
            self._check_room()
        except MemscanError as error:
            yield _refused(error)
            return
        async for step in self._read(query, token):
            yield step

    async def _read(self, query: Query, token: str | None) -> AsyncIterator[Step]:
        count = Count()
        self._under_way += 1
        work = asyncio.ensure_future(self._reader.run(lambda: self._work(query, token, count)))
        try:
            said = ""
            while not work.done():
                now = _progress(query, count)
                if now != said:
                    said = now
                    yield Step(said=said)
                await asyncio.wait([work], timeout=POLL)
            yield _answered(*work.result())
        except MemscanError as error:
            yield _refused(error)
        except Exception as error:  # a fault of memscan's: one line for the visitor, the rest for who runs the server
            LOG.exception("a query failed")
            yield Step(said=f"internal error, {type(error).__name__}; please report it", error=MemscanError(str(error)))
        finally:
            self._under_way -= 1
            work.cancel()  # who has left gets no turn

    async def find_post(self, draft: Draft, token: str | None, client: str) -> Posted | None:
        """The open discussion that holds such a report."""
        self._admit(client)
        self._check_room()
        return await asyncio.get_running_loop().run_in_executor(self._posts, open_post, draft, token)

    async def post(self, draft: Draft, token: str | None, client: str) -> Posted:
        """Open the discussion."""
        self._admit(client)
        self._check_room()
        return await asyncio.get_running_loop().run_in_executor(self._posts, post, draft, token)

    def close(self) -> None:
        """Wait for nobody."""
        self._reader.close()
        self._posts.shutdown(wait=False, cancel_futures=True)

    def _admit(self, client: str) -> None:
        wait = self._buckets.take(client)
        if wait:
            seconds = plural(ceil(wait), "second")
            raise RateLimitError(
                f"more than {self._limits.per_minute:g} queries a minute came from your address; try again in {seconds}"
            )

    def _check_room(self) -> None:
        waiting = self._under_way - self._limits.readings
        if waiting >= self._limits.waiting:
            raise RateLimitError(f"{waiting} queries wait for their turn already; try again in a minute")

    def _work(self, query: Query, token: str | None, count: Count) -> Answered:
        """For a thread: everything that takes time."""
        count.started = True
        answer = answer_of(query, self._reader.read(query, token, count))
        found = sheet_of(answer), draft_of(answer)
        if token is None:
            self._recent.keep(query, found)
        return found


def _answered(sheet: Sheet, draft: Draft | None) -> Step:
    return Step(said=f"Read {sheet.name}.", sheet=sheet, draft=draft)


def _refused(error: MemscanError) -> Step:
    return Step(said=one_line(str(error)), error=error)


def _progress(query: Query, count: Count) -> str:
    if not count.started:
        return "Waiting for a turn ..."
    if not count.expected:
        return f"Asking the Hub about {one_line(query.model)[:LONGEST]} ..."
    if count.done < count.expected:
        return f"Reading headers: {count.done:,} of {plural(count.expected, 'file')} ..."
    return "Working out the memory ..."
