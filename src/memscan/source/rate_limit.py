"""The Hub's rate limits: the kinds of its requests, what replies say of them, and the turn of a request that waits.

Headers: `RateLimit: "api";r=499;t=213` and `RateLimit-Policy: "fixed window";"api";q=500;w=300`, kinds `api`, `pages` and
`resolvers` (https://huggingface.co/docs/hub/rate-limits).
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol
from urllib.parse import urlsplit

from memscan.source.client import Response
from memscan.source.limits import WINDOW, Limits, Told

API, RESOLVERS, PAGES = "api", "resolvers", "pages"
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
