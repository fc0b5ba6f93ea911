"""HTTP as memscan needs it: bounded, ranged, verified, patient within limits, and discreet with tokens.

The one seam to the network. Requests go through `huggingface_hub`'s own asynchronous session, so that proxies,
certificates and a user's `set_async_client_factory` work as they do there. Redirects are followed here and not by the
client, because the token must stay at the Hub's own origin and each hop's commit is checked.
"""

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import NoReturn
from urllib.parse import urljoin, urlsplit

import httpx2
from huggingface_hub import __version__ as hub_version
from huggingface_hub import constants, get_async_session, get_token
from huggingface_hub.errors import OfflineModeIsEnabled

from memscan.document import shown
from memscan.errors import NetworkError, RateLimitError, ServerError, TargetError, UnreachableError, UsageError
from memscan.read import ByteRange
from memscan.source.settings import endpoint
from memscan.source.target import shown_url
from memscan.source.transport import Reply, StatusError
from memscan.version import __version__

SILENCE = 10.0  # seconds to connect, and between two chunks; HF_HUB_DOWNLOAD_TIMEOUT's default
REPLY = 15.0  # seconds until a reply's headers are complete, however slowly they drip
SLOW_AFTER = 20.0  # seconds after which a body must have come faster than MIN_RATE: a server that drips is a server that hangs
MIN_RATE = 10_000  # bytes a second
CONCURRENT = 100  # requests under way at once to the Hub, and as many to other hosts; httpx's own limit of a client's connections
SMALL = 16_384  # bytes of the words that come with a redirect
MAX_HOPS = 5  # redirects of one request; the Hub needs two
RETRIES = {408: 1, 429: 3, 500: 2, 502: 2, 503: 3, 504: 1}  # how often a status is worth another try
LONGEST_WAIT = 30.0  # seconds; a server that asks for more gets an error instead of a user who waits
BACKOFF = 0.5  # seconds before the first retry that no header times, doubled each time
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")
RATE_LIMIT = re.compile(r'"\w+"\s*;\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d{1,9})')


class HttpTransport:
    """The `Transport` of real life: one HTTP client for one scan or for many at once, opened by its first request."""

    def __init__(self, *, token: str | None = None) -> None:
        self.endpoint = endpoint()
        if token is None and not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
            token = get_token()
        if token is not None:
            _check_token(token)
        # Not build_hf_headers of huggingface_hub 2.4: once a day it asks the Hub for a list of its own, and blocks meanwhile.
        self._headers = {"user-agent": f"memscan/{__version__}; hf_hub/{hub_version}"}
        self._authorization = None if token is None else f"Bearer {token}"
        self._origin = _origin(self.endpoint)
        self._hub = _Client()
        self._elsewhere = _Client()

    @property
    def authenticated(self) -> bool:
        """Whether requests to the Hub carry a token."""
        return self._authorization is not None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._hub.aclose()
        await self._elsewhere.aclose()

    async def get(self, url: str, *, limit: int, wanted: ByteRange | None = None, retry: bool = True) -> Reply:
        """GET `url`, or the range `wanted` of it, reading at most `limit` bytes.

        Raises StatusError for an error status that patience does not mend, NetworkError for all else.
        """
        attempt = 0
        while True:
            try:
                return await self._follow(url, wanted, limit)
            except _AgainError as again:
                if not retry or attempt >= again.retries:
                    raise again.error from again.__cause__
                wait = again.wait if again.wait is not None else BACKOFF * 2**attempt
            attempt += 1
            # Jitter, so that the many requests that were refused together do not come back together.
            await asyncio.sleep(wait + random.uniform(0, BACKOFF))  # noqa: S311

    async def _follow(self, url: str, wanted: ByteRange | None, limit: int) -> Reply:
        commit: str | None = None
        for _ in range(MAX_HOPS + 1):
            at_hub = _origin(url) == self._origin
            headers = self._headers_for(wanted, at_hub=at_hub)
            async with (self._hub if at_hub else self._elsewhere).reply(url, headers) as response:
                commit = response.headers.get("x-repo-commit", commit)
                if response.status_code not in REDIRECTS:
                    return await _take(url, response, wanted, limit, commit)
                url = _next_url(url, response)
                if 0 < (_content_length(response) or 0) <= SMALL:
                    async with asyncio.timeout(SILENCE):
                        await response.aread()  # only a connection that was read to the end of a reply serves another request
        raise ServerError(f"{shown_url(url)} redirects more than {MAX_HOPS} times; check the URL or HF_ENDPOINT")

    def _headers_for(self, wanted: ByteRange | None, *, at_hub: bool) -> dict[str, str]:
        headers = dict(self._headers)
        if self._authorization is not None and at_hub:
            headers["authorization"] = self._authorization
        if wanted is not None:
            headers["range"] = f"bytes={wanted.start}-{wanted.stop - 1}"
            headers["accept-encoding"] = "identity"
        return headers


class _Client:
    """`huggingface_hub`'s asynchronous session, opened by its first request, with a bound on what is under way at once.

    The Hub and the hosts that it redirects to have one each: a scan of 191 shards then waits for the Hub with one half of
    them while the CDN answers the other, and a connection that has seen the token is never used for another host.
    """

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(CONCURRENT)
        self._session: httpx2.AsyncClient | None = None

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.aclose()
            self._session = None

    @asynccontextmanager
    async def reply(self, url: str, headers: dict[str, str]) -> AsyncIterator[httpx2.Response]:
        """The reply to a GET, its body still to be read; raises _AgainError for what the network does to it."""
        async with self._slots:
            if self._session is None:
                self._session = _session()
            try:
                request = self._session.build_request("GET", url, headers=headers, timeout=httpx2.Timeout(SILENCE, pool=None))
                async with asyncio.timeout(REPLY):
                    response = await self._session.send(request, stream=True, follow_redirects=False)
                try:
                    yield response
                finally:
                    await response.aclose()
            except OfflineModeIsEnabled as error:
                raise TargetError("HF_HUB_OFFLINE is set, so memscan asks no server; unset it, or give a folder") from error
            except (httpx2.HTTPError, TimeoutError) as error:
                raise _broken(url, error) from error
            except (httpx2.InvalidURL, UnicodeError) as error:
                raise UsageError(f"{shown(shown_url(url))} is not a URL that can be asked: {error}") from error


def _session() -> httpx2.AsyncClient:
    try:
        return get_async_session()
    except (httpx2.InvalidURL, ValueError, OSError) as error:  # a proxy that is no URL, certificates that are not there
        raise UsageError(
            "the proxy or the certificates that the environment names cannot be used;"
            " check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE"
        ) from error


class _AgainError(Exception):
    """One attempt failed; another may not. Holds the error for the case that none helps."""

    def __init__(self, error: NetworkError, *, retries: int, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retries = retries
        self.wait = wait


async def _take(url: str, response: httpx2.Response, wanted: ByteRange | None, limit: int, commit: str | None) -> Reply:
    """The body of a final response: whole, or exactly the range `wanted`."""
    status = response.status_code
    if status >= 400:
        _refuse(url, response)
    if wanted is None:
        if status != 200:
            raise ServerError(f"{shown_url(url)} answered with HTTP status {status}, expected 200")
        body = await _collect(url, response.aiter_bytes(), skip=0, limit=limit + 1)
        if len(body) > limit:
            raise ServerError(f"{shown_url(url)} sends more than {limit:,} bytes; memscan does not read such a reply")
        return Reply(url=url, body=body, size=len(body), commit=commit)
    encoding = response.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise ServerError(
            f"{shown_url(url)} answered a range with Content-Encoding {shown(encoding)}; the bytes cannot be placed"
        )
    if status == 200:
        # The server ignores Range: what is wanted stands in the whole file, and the rest is not waited for.
        size = _content_length(response)
        body = await _collect(url, response.aiter_raw(), skip=wanted.start, limit=wanted.length)
        return _whole(url, body, wanted.length if size is None else min(wanted.stop, size) - wanted.start, size, commit)
    if status != 206:
        raise ServerError(f"{shown_url(url)} answered a range with HTTP status {status}, expected 206")
    length, size = _content_range(url, response, wanted)
    body = await _collect(url, response.aiter_raw(), skip=0, limit=length + 1)
    return _whole(url, body, length, size, commit)


def _whole(url: str, body: bytes, expected: int, size: int | None, commit: str | None) -> Reply:
    if len(body) != expected:
        raise _AgainError(
            ServerError(f"{shown_url(url)} sent {len(body):,} bytes of a range of {expected:,}; try again later"), retries=1
        )
    return Reply(url=url, body=body, size=size, commit=commit)


async def _collect(url: str, chunks: AsyncIterator[bytes], *, skip: int, limit: int) -> bytes:
    """`limit` bytes behind the first `skip`, fewer where the body ends before; never holds more than a chunk too much."""
    clock = asyncio.get_running_loop().time
    started, received = clock(), 0
    kept = bytearray()
    async for chunk in chunks:
        kept += chunk[max(0, skip - received) :]
        received += len(chunk)
        if len(kept) >= limit:
            break
        elapsed = clock() - started
        if elapsed > SLOW_AFTER and received < elapsed * MIN_RATE:
            raise UnreachableError(f"{shown_url(url)} sent only {received:,} bytes in {elapsed:.0f} s; try again later")
    return bytes(kept[:limit])


def _content_range(url: str, response: httpx2.Response, wanted: ByteRange) -> tuple[int, int | None]:
    """Length of the part and size of the file; ServerError where the part is not the one that was asked for."""
    given = response.headers.get("content-range", "")
    match = CONTENT_RANGE.fullmatch(given.strip())
    if match is not None:
        start, last = int(match[1]), int(match[2])
        size = None if match[3] == "*" else int(match[3])
        stop = wanted.stop if size is None else min(wanted.stop, size)
        if start == wanted.start and last + 1 == stop:
            return stop - start, size
    raise ServerError(
        f"{shown_url(url)} answered with Content-Range {shown(given)}, asked for bytes {wanted.start}-{wanted.stop - 1};"
        " the server or a proxy between is broken"
    )


def _content_length(response: httpx2.Response) -> int | None:
    length = response.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None


def _refuse(url: str, response: httpx2.Response) -> NoReturn:
    status, headers = response.status_code, response.headers
    refused = StatusError(url, status, headers)
    if status not in RETRIES:
        raise refused
    wait = _asked_wait(headers)
    error: NetworkError = refused.unexpected()
    if status == 429:
        asked = "" if wait is None else f" and asks to wait {wait:.0f} s"
        error = RateLimitError(
            f"{urlsplit(refused.url).netloc} limits the rate of requests (HTTP 429){asked};"
            " try again later, or set HF_TOKEN for a higher limit"
        )
    if wait is not None and wait > LONGEST_WAIT:
        raise error
    raise _AgainError(error, retries=RETRIES[status], wait=wait)


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` (seconds or a date) or the Hub's `RateLimit` header ask to wait; None without either."""
    after = headers.get("retry-after", "").strip()
    if after.isascii() and after.isdigit() and len(after) < 10:
        return float(after)
    if after:
        try:
            date = parsedate_to_datetime(after)
        except ValueError:
            return None
        return max(0.0, date.timestamp() - time.time())
    match = RATE_LIMIT.search(headers.get("ratelimit", ""))
    return float(match[1]) if match else None


def _next_url(url: str, response: httpx2.Response) -> str:
    location = response.headers.get("location", "")
    try:
        target = urljoin(url, location)
        parts = urlsplit(target)
        good = bool(location and parts.scheme in ("http", "https") and parts.hostname and parts.port != 0)
    except ValueError:  # brackets that do not match, a port that is no number
        good = False
    if not good:
        raise ServerError(f"{shown_url(url)} redirects to what is no web address")
    return target


def _broken(url: str, error: Exception) -> _AgainError:
    host = urlsplit(shown_url(url)).netloc
    if isinstance(error, (httpx2.TimeoutException, TimeoutError)):
        problem: NetworkError = UnreachableError(
            f"{host} said nothing for {SILENCE:.0f} s; check the connection, or try again later"
        )
    elif isinstance(error, httpx2.ProxyError):
        problem = UnreachableError(f"the proxy to {host} failed: {error}")
    elif isinstance(error, httpx2.ConnectError):
        problem = UnreachableError(f"cannot connect to {host}: {error}; check the connection, the proxy and HF_ENDPOINT")
    elif isinstance(error, httpx2.NetworkError):
        problem = UnreachableError(f"the connection to {host} broke: {str(error) or type(error).__name__}; try again later")
    else:
        problem = ServerError(f"{host} broke the protocol: {str(error) or type(error).__name__}; try again later")
    return _AgainError(problem, retries=1)


def _check_token(token: str) -> None:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("the token is empty or holds characters that no token has; check HF_TOKEN or --token")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
