"""The Hub's rate limits: the kinds of its requests, what replies say of them, and the turn of a request that waits.

Headers: `RateLimit: "api";r=499;t=213` and `RateLimit-Policy: "fixed window";"api";q=500;w=300`, kinds `api`, `pages` and
`resolvers` (https://huggingface.co/docs/hub/rate-limits).
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

API, RESOLVERS, PAGES = "api", "resolvers", "pages"
WINDOW = 300.0  # seconds, where no policy says how long a window is
LEFT = re.compile(r'"(\w{1,20})"\s*;\s*r\s*=\s*(\d{1,9})\s*;\s*t\s*=\s*(\d{1,9})')
LENGTH = re.compile(r";\s*w\s*=\s*(\d{1,9})")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one reply says of its kind."""

    left: int
    """Requests left in the window, after this one."""
    seconds: float
    """Until the window ends."""
    window: float = WINDOW
    """Its length in seconds."""


class Limits(Protocol):
    """What an HTTP client asks before it sends a request to the Hub, and tells after the reply."""

    async def take(self, kind: str) -> None:
        """Wait until one more request of this kind may go; RateLimitError where that would be for too long."""

    def learn(self, kind: str, told: Told | None) -> None:
        """A reply to a request that was taken has come; None where it says nothing of a limit, though it is no failure."""

    def lose(self, kind: str) -> None:
        """No reply came, or one that says nothing: the server may have counted the request or not."""

    def left(self, kind: str) -> int | None:
        """Requests that may go in this window; None where that is not known, or there is no limit."""


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
async def turn(limits: Limits | None, url: str, endpoint: str) -> AsyncIterator[Callable[[int, Mapping[str, str]], None]]:
    """Wait for the turn of a request to the Hub; give what is to be called with status and header fields of its reply."""
    if limits is None:
        yield _heard
        return
    kind = kind_of(urlsplit(url).path.removeprefix(urlsplit(endpoint).path))
    await limits.take(kind)
    is_open = True

    def answered(status: int, headers: Mapping[str, str]) -> None:
        nonlocal is_open
        is_open = False
        told = read_headers(kind, status, headers)
        if told is None and (status >= 400 or "ratelimit" in headers):
            limits.lose(kind)  # a proxy's error page, a refusal that does not say for how long, a word of another kind
        else:
            limits.learn(kind, told)

    try:
        yield answered
    finally:
        if is_open:
            limits.lose(kind)


def _heard(_status: int, _headers: Mapping[str, str]) -> None:
    return None
