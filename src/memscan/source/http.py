"""HTTP as memscan needs it: bounded, ranged, verified, patient within limits, and discreet with tokens.

The one seam to the network. Requests go through a `Pool`, or through `huggingface_hub`'s own session where something is set
that only that knows to use: proxies, certificates of the system's, a user's `set_async_client_factory`. Redirects are
followed here and not by the client, because the token must stay at the Hub's own origin and each hop's commit is checked.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal
from urllib.parse import urljoin, urlsplit

from huggingface_hub import __version__ as hub_version

from memscan.errors import RateLimitError, ServerError, TargetError, UsageError
from memscan.printable import shown_url
from memscan.read import ByteRange
from memscan.source.allowance import Allowance
from memscan.source.body import content_length, take
from memscan.source.client import SILENCE, Client, Response
from memscan.source.limits import Limits
from memscan.source.patience import RETRIES, AgainError
from memscan.source.pool import Pool
from memscan.source.settings import endpoint, is_offline, own_token, wants_session
from memscan.source.transport import Reply
from memscan.version import __version__

CONCURRENT = 100  # requests under way at once to the Hub, and as many to other hosts; httpx's own limit of a client's connections
SMALL = 16_384  # bytes of the words that come with a redirect
MAX_HOPS = 5  # redirects of one request; the Hub needs two
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class HttpTransport:
    """The `Transport` of real life: one HTTP client for one scan or for many at once, opened by its first request."""

    def __init__(
        self,
        *,
        token: str | Literal[False] | None = None,
        public_only: bool = False,
        most_bytes: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        """`token`: None takes that of the environment, False none. `public_only`, `most_bytes`: see `memscan.source.Sources`.

        `limits`: whom to ask before each request to the Hub; with them a refusal for its rate is waited out.
        """
        self.endpoint = endpoint()
        self._limits = limits
        if token is None:
            token = own_token()
        if token is False:
            token = None
        if token is not None:
            _check_token(token)
        self._allowance = Allowance(most_bytes)
        # Not build_hf_headers of huggingface_hub 2.4: once a day it asks the Hub for a list of its own, and blocks meanwhile.
        self._headers = {"user-agent": f"memscan/{__version__}; hf_hub/{hub_version}"}
        self._authorization = None if token is None else f"Bearer {token}"
        self._origin = _origin(self.endpoint)
        # One each: a scan of 191 shards then waits for the Hub with one half of them while the CDN answers the other, and a
        # connection that has seen the token is never used for another host.
        self._hub = _Side(public_only=public_only)
        self._elsewhere = _Side(public_only=public_only)

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
        if is_offline():
            raise TargetError("HF_HUB_OFFLINE is set, so memscan asks no server; unset it, or give a folder")
        if wanted is not None:
            self._allowance.take(wanted.length)
        else:
            limit = self._allowance.bound(limit)
        attempt = 0
        while True:
            try:
                reply = await self._follow(url, wanted, limit)
            except AgainError as again:
                if not retry or attempt >= again.retries:
                    raise again.error from again.__cause__
                wait = again.seconds(attempt)
            except RateLimitError:
                if self._limits is None or not retry or attempt >= RETRIES[429]:
                    raise
                wait = 0.0  # the limits have heard how long, and let the next attempt wait
            else:
                if wanted is None:
                    self._allowance.take(len(reply.body))
                return reply
            attempt += 1
            await asyncio.sleep(wait)

    async def _follow(self, url: str, wanted: ByteRange | None, limit: int) -> Reply:
        commit: str | None = None
        for _ in range(MAX_HOPS + 1):
            at_hub = _origin(url) == self._origin
            headers = self._headers_for(wanted, at_hub=at_hub)
            async with self._reply(url, headers, at_hub=at_hub) as response:
                commit = response.headers.get("x-repo-commit", commit)
                if response.status not in REDIRECTS:
                    return await take(url, response, wanted, limit, commit)
                url = _next_url(url, response)
                length = content_length(response)
                if length is not None and length <= SMALL:
                    await _read_out(response)
        raise ServerError(f"{shown_url(url)} redirects more than {MAX_HOPS} times; check the URL or HF_ENDPOINT")

    def _reply(self, url: str, headers: dict[str, str], *, at_hub: bool) -> AbstractAsyncContextManager[Response]:
        """The reply to a GET, in its turn where the Hub's limits are kept."""
        if not at_hub:
            return self._elsewhere.reply(url, headers)
        if self._limits is None:
            return self._hub.reply(url, headers)
        from memscan.source.rate_limit import in_turn  # a scan of one model keeps no limits

        return in_turn(self._limits, url, self.endpoint, self._hub.reply(url, headers))

    def _headers_for(self, wanted: ByteRange | None, *, at_hub: bool) -> dict[str, str]:
        headers = dict(self._headers)
        if self._authorization is not None and at_hub:
            headers["authorization"] = self._authorization
        if wanted is not None:
            headers["range"] = f"bytes={wanted.start}-{wanted.stop - 1}"
            headers["accept-encoding"] = "identity"
        return headers


class _Side:
    """The client for the Hub or for all other hosts, made by its first request, with a bound on what is under way at once."""

    def __init__(self, *, public_only: bool) -> None:
        self._public_only = public_only
        self._slots = asyncio.Semaphore(CONCURRENT)
        self._client: Client | None = None

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @asynccontextmanager
    async def reply(self, url: str, headers: dict[str, str]) -> AsyncIterator[Response]:
        """The reply to a GET, its body still to be read; raises AgainError for what the network does to it."""
        async with self._slots:
            if self._client is None:
                self._client = _client(public_only=self._public_only)
            async with self._client.reply(url, headers) as response:
                yield response


def _client(*, public_only: bool) -> Client:
    if not wants_session():
        return Pool(public_only=public_only)
    if public_only:  # a proxy looks names up by itself, and a session of the user's own may do anything
        raise TargetError(
            "no URL is read here: requests go through a proxy, or through the HTTP settings of the system, where the addresses"
            " that they lead to cannot be looked at"
        )
    from memscan.source.session import Session  # its imports take three times as long as the pool's

    return Session()


async def _read_out(response: Response) -> None:
    """Read the few words that come with a redirect: only a connection that was read to the end serves another request."""
    async with asyncio.timeout(SILENCE):
        async for _ in response.raw():
            pass


def _next_url(url: str, response: Response) -> str:
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


def _check_token(token: str) -> None:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("the token is empty or holds characters that no token has; check HF_TOKEN or --token")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
