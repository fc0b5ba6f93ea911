"""`huggingface_hub`'s own asynchronous session, for what the environment or a program sets and only it can do.

Proxies, a user's `set_async_client_factory`, its debug log, and the certificates that an operating system keeps for itself.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2
from huggingface_hub import get_async_session

from memscan.document import shown
from memscan.errors import UsageError
from memscan.printable import shown_url
from memscan.source.client import REPLY, SILENCE, Problem, Response, broken
from memscan.source.patience import AgainError


class Session:
    """A `Client`, opened by its first request."""

    def __init__(self) -> None:
        self._session: httpx2.AsyncClient | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.aclose()
            self._session = None

    @asynccontextmanager
    async def reply(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[Response]:
        """The reply to a GET; raises AgainError for what the network does to it, UsageError where `url` is none."""
        if self._session is None:
            self._session = _session()
        try:
            request = self._session.build_request("GET", url, headers=dict(headers), timeout=httpx2.Timeout(SILENCE, pool=None))
            async with asyncio.timeout(REPLY):
                response = await self._session.send(request, stream=True, follow_redirects=False)
            try:
                yield _SessionResponse(response)
            finally:
                await response.aclose()
        except (httpx2.HTTPError, TimeoutError) as error:
            raise _broken(url, error) from error
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise UsageError(f"{shown(shown_url(url))} is not a URL that can be asked: {error}") from error


class _SessionResponse:
    """The `Response` that httpx's is."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers

    def raw(self) -> AsyncIterator[bytes]:
        return self._response.aiter_raw()

    def decoded(self) -> AsyncIterator[bytes]:
        return self._response.aiter_bytes()


def _session() -> httpx2.AsyncClient:
    try:
        return get_async_session()
    # A proxy that is no URL, or of a kind that needs another package (SOCKS), certificates that are not there.
    except (httpx2.InvalidURL, ValueError, OSError, ImportError) as error:
        raise UsageError(
            "the proxy or the certificates that the environment names cannot be used;"
            " check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE"
        ) from error


def _broken(url: str, error: Exception) -> AgainError:
    detail = str(error) or type(error).__name__
    if isinstance(error, (httpx2.TimeoutException, TimeoutError)):
        return broken(url, Problem.SILENT, detail)
    if isinstance(error, httpx2.ProxyError):
        return broken(url, Problem.PROXY, detail)
    if isinstance(error, httpx2.ConnectError):
        return broken(url, Problem.CONNECT, detail)
    if isinstance(error, httpx2.NetworkError):
        return broken(url, Problem.BROKE, detail)
    return broken(url, Problem.PROTOCOL, detail)
