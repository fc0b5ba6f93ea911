"""The Hub's rate limits, kept before they are hit: how many requests of a kind may go now, by what replies said.

A kind of which nothing is known yet, at the start and after the end of a window, is probed by one request whose reply tells;
where replies carry no header about it, there is no limit.
"""

import asyncio
from contextlib import suppress

from memscan.errors import RateLimitError
from memscan.source.limits import Told
from memscan.source.rate_limit import Clock, Monotonic

LONGEST = 3_600.0  # seconds that are waited for a window's end; a server that asks for more gets an error
ROUNDED = 1.0  # seconds are told in whole numbers, rounded in a way that nobody promises
UNLIMITED = 2**31


class Bucket:
    """The requests of one kind: what is left of the window, and what is under way. Knows no clock: `now` is given."""

    def __init__(self) -> None:
        self._left: int | None = None
        self._ends: float | None = None
        self._under_way = 0
        self._unlimited = False

    def free(self, now: float) -> int:
        """How many requests may go now: of what the Hub said is left, those under way may not be counted yet."""
        if self._unlimited:
            return UNLIMITED
        if self._ends is not None and now >= self._ends:
            self._left = None  # a new window, of which the next reply tells
        if self._left is None:
            return 0 if self._under_way else 1
        return max(0, self._left - self._under_way)

    def wait(self, now: float) -> float | None:
        """Seconds until more may go if nothing is heard; None where only a reply can tell."""
        if self._left is None or self._ends is None:
            return None
        return max(0.0, self._ends - now)

    def send(self, count: int) -> None:
        """`count` requests are under way."""
        self._under_way += count

    def learn(self, told: Told | None, now: float, *, replies: int = 1) -> None:
        """`replies` requests have been answered, one of them so."""
        self._under_way = max(0, self._under_way - replies)
        if told is None:
            self._unlimited = self._ends is None
            return
        self._unlimited = False
        ends = now + told.seconds + ROUNDED
        if self._ends is None or ends > self._ends + told.window / 2:
            self._left, self._ends = told.left, ends
        elif self._left is not None and ends > self._ends - told.window / 2:
            self._left = min(self._left, told.left)
        # Else it is of a window that is over.

    def lose(self, count: int) -> None:
        """`count` requests will not be answered; the Hub may have counted them."""
        self._under_way = max(0, self._under_way - count)
        if self._left is not None:
            self._left = max(0, self._left - count)

    def left(self, now: float) -> int | None:
        """What may go in this window; None where that is not known, or there is no limit."""
        return None if self._unlimited or self._left is None else self.free(now)


class RateLimits:
    """The `Limits` of one process, and what a coordinator grants to many: a bucket for each kind of request."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Monotonic()
        self._buckets: dict[str, Bucket] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._news: dict[str, asyncio.Event] = {}
        self.waits_until: float | None = None
        """On the clock, while the end of a window is waited for."""

    async def take(self, kind: str) -> None:
        """See `Limits.take`; who comes first goes first."""
        await self.grant(kind, 1)

    async def grant(self, kind: str, most: int) -> int:
        """Wait until a request of `kind` may go, and take as many as may, at most `most`."""
        async with self._turns.setdefault(kind, asyncio.Lock()):
            bucket = self._bucket(kind)
            while not (free := bucket.free(self._clock.now())):
                await self._change(kind, bucket)
            granted = min(free, most)
            bucket.send(granted)
            return granted

    def learn(self, kind: str, told: Told | None, *, replies: int = 1) -> None:
        """See `Limits.learn`."""
        self._bucket(kind).learn(told, self._clock.now(), replies=replies)
        self._tell(kind)

    def lose(self, kind: str, count: int = 1) -> None:
        """See `Limits.lose`."""
        self._bucket(kind).lose(count)
        self._tell(kind)

    def left(self, kind: str) -> int | None:
        """See `Limits.left`."""
        return self._bucket(kind).left(self._clock.now())

    def waiting(self) -> float | None:
        """Seconds until the window ends that requests wait for; None where none does."""
        return None if self.waits_until is None else max(0.0, self.waits_until - self._clock.now())

    def seconds(self, kind: str) -> float | None:
        """Seconds until the window of `kind` ends; None where that is not known."""
        return self._bucket(kind).wait(self._clock.now())

    def _bucket(self, kind: str) -> Bucket:
        return self._buckets.setdefault(kind, Bucket())

    def _tell(self, kind: str) -> None:
        if kind in self._news:
            self._news[kind].set()

    async def _change(self, kind: str, bucket: Bucket) -> None:
        """Wait until something is heard of `kind`, or its window ends."""
        news = self._news.setdefault(kind, asyncio.Event())
        news.clear()
        seconds = bucket.wait(self._clock.now())
        if seconds is None:
            await news.wait()
            return
        if seconds > LONGEST:
            raise RateLimitError(f"the Hub limits the rate of requests and asks to wait {seconds:.0f} s; try again later")
        self.waits_until = self._clock.now() + seconds
        waits = {asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(news.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.waits_until = None
            for one in waits:
                one.cancel()
            for one in waits:
                with suppress(asyncio.CancelledError):
                    await one
