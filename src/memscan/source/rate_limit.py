"""The Hub's rate limits, kept before they are hit: how many requests of a kind may go now, as the replies' headers say.

Headers: `RateLimit: "api";r=499;t=213` and `RateLimit-Policy: "fixed window";"api";q=500;w=300`, kinds `api`, `pages` and
`resolvers` (https://huggingface.co/docs/hub/rate-limits). A kind of which nothing is known yet, at the start and after the end of
a window, is probed by one request whose reply tells; where replies carry no such header, there is no limit.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Protocol
from urllib.parse import urlsplit

from memscan.errors import RateLimitError
from memscan.source.client import Response
from memscan.source.limits import WINDOW, Limits, Told

API, RESOLVERS, PAGES = "api", "resolvers", "pages"
LONGEST = 3_600.0  # seconds that are waited for a window's end; a server that asks for more gets an error
ROUNDED = 1.0  # seconds are told in whole numbers, rounded in a way that nobody promises
LEFT = re.compile(r'"(\w{1,20})"\s*;\s*r\s*=\s*(\d{1,9})\s*;\s*t\s*=\s*(\d{1,9})')
LENGTH = re.compile(r";\s*w\s*=\s*(\d{1,9})")
UNLIMITED = 2**31


class Clock(Protocol):
    """Time that passes; a test's own passes at once."""

    def now(self) -> float:
        """Seconds since some moment."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Monotonic:
    """The clock of this machine."""

    def now(self) -> float:
        """See `Clock.now`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await asyncio.sleep(seconds)


def kind_of(path: str) -> str:
    """The kind of a request to the Hub by its path: the route that small files are read from is a resolver too."""
    if path.startswith("/api/") and not path.startswith("/api/resolve-cache/"):
        return API
    return RESOLVERS if "/resolve/" in path or path.startswith("/api/resolve-cache/") else PAGES


def read_headers(kind: str, status: int, headers: Mapping[str, str]) -> Told | None:
    """What the header fields of a reply say about `kind`; None where they do not speak of it."""
    match = LEFT.search(headers.get("ratelimit", ""))
    length = LENGTH.search(headers.get("ratelimit-policy", ""))
    window = float(length[1]) if length is not None else WINDOW
    if match is not None and match[1] == kind:
        return Told(left=0 if status == 429 else int(match[2]), seconds=float(match[3]), window=window)
    after = headers.get("retry-after", "").strip()
    if status == 429 and after.isascii() and after.isdigit() and len(after) < 10:
        return Told(left=0, seconds=float(after), window=window)
    return None


@asynccontextmanager
async def in_turn(
    limits: Limits, url: str, endpoint: str, reply: AbstractAsyncContextManager[Response]
) -> AsyncIterator[Response]:
    """Wait for the turn of a request to the Hub, send it by entering `reply`, and tell `limits` what came of it."""
    kind = kind_of(urlsplit(url).path.removeprefix(urlsplit(endpoint).path))
    await limits.take(kind)
    is_open = True
    try:
        async with reply as response:
            is_open = False
            told = read_headers(kind, response.status, response.headers)
            if told is None and (response.status >= 400 or "ratelimit" in response.headers):
                limits.lose(kind)  # a proxy's error page, a refusal that does not say for how long, a word of another kind
            else:
                limits.learn(kind, told)
            yield response
    finally:
        if is_open:
            limits.lose(kind)


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
