"""HTTP as memscan needs it: bounded, ranged, verified, patient within limits, and discreet with tokens.

The one seam to the network. Requests go through `huggingface_hub`'s own asynchronous session, so that proxies,
certificates and a user's `set_async_client_factory` work as they do there. Redirects are followed here and not by the
client, because the token must stay at the Hub's own origin and each hop's commit is checked.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urljoin, urlsplit

import httpx2
from huggingface_hub import __version__ as hub_version
from huggingface_hub import constants, get_async_session, get_token
from huggingface_hub.errors import OfflineModeIsEnabled

from memscan.document import shown
from memscan.errors import NetworkError, RateLimitError, ServerError, TargetError, UnreachableError, UsageError
from memscan.read import ByteRange
from memscan.source.body import content_length, take
from memscan.source.patience import RETRIES, AgainError
from memscan.source.rate_limit import Limits, turn
from memscan.source.settings import endpoint
from memscan.source.target import shown_url
from memscan.source.transport import Reply
from memscan.version import __version__

SILENCE = 10.0  # seconds to connect, and between two chunks; HF_HUB_DOWNLOAD_TIMEOUT's default
REPLY = 15.0  # seconds until a reply's headers are complete, however slowly they drip
CONCURRENT = 100  # requests under way at once to the Hub, and as many to other hosts; httpx's own limit of a client's connections
SMALL = 16_384  # bytes of the words that come with a redirect
MAX_HOPS = 5  # redirects of one request; the Hub needs two
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class HttpTransport:
    """The `Transport` of real life: one HTTP client for one scan or for many at once, opened by its first request."""

    def __init__(self, *, token: str | None = None, limits: Limits | None = None) -> None:
        """`limits`: whom to ask before each request to the Hub; with them a refusal for its rate is waited out."""
        self.endpoint = endpoint()
        self._limits = limits
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
            except AgainError as again:
                if not retry or attempt >= again.retries:
                    raise again.error from again.__cause__
                wait = again.seconds(attempt)
            except RateLimitError:
                if self._limits is None or not retry or attempt >= RETRIES[429]:
                    raise
                wait = 0.0  # the limits have heard how long, and let the next attempt wait
            attempt += 1
            await asyncio.sleep(wait)

    async def _follow(self, url: str, wanted: ByteRange | None, limit: int) -> Reply:
        commit: str | None = None
        for _ in range(MAX_HOPS + 1):
            at_hub = _origin(url) == self._origin
            headers = self._headers_for(wanted, at_hub=at_hub)
            async with (
                turn(self._limits if at_hub else None, url, self.endpoint) as answered,
                (self._hub if at_hub else self._elsewhere).reply(url, headers) as response,
            ):
                answered(response.status_code, response.headers)
                commit = response.headers.get("x-repo-commit", commit)
                if response.status_code not in REDIRECTS:
                    return await take(url, response, wanted, limit, commit)
                url = _next_url(url, response)
                if 0 < (content_length(response) or 0) <= SMALL:
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
        """The reply to a GET, its body still to be read; raises AgainError for what the network does to it."""
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


def _broken(url: str, error: Exception) -> AgainError:
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
    return AgainError(problem, retries=1)


def _check_token(token: str) -> None:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("the token is empty or holds characters that no token has; check HF_TOKEN or --token")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
