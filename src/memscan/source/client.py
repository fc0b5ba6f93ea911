"""What a transport asks of an HTTP client: one GET, its reply's head, and its body piece by piece."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from enum import Enum, auto
from typing import Protocol
from urllib.parse import urlsplit

from memscan.errors import NetworkError, ServerError, UnreachableError
from memscan.printable import shown_url
from memscan.source.patience import AgainError

SILENCE = 10.0  # seconds to connect, and between two chunks; HF_HUB_DOWNLOAD_TIMEOUT's default
REPLY = 15.0  # seconds until a reply's headers are complete, however slowly they drip


class Response(Protocol):
    """A reply whose head was read and whose body was not."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, found by their names in lower case."""

    def raw(self) -> AsyncIterator[bytes]:
        """The body as it was sent."""

    def decoded(self) -> AsyncIterator[bytes]:
        """The body without its Content-Encoding."""


class Client(Protocol):
    """Connections to any number of hosts. Follows no redirect and knows no token."""

    def reply(self, url: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[Response]:
        """The reply to a GET; raises AgainError for what the network does to it, UsageError where `url` is none."""

    async def aclose(self) -> None:
        """Close the connections."""


class Problem(Enum):
    """What the network can do to a request."""

    SILENT = auto()
    PROXY = auto()
    CONNECT = auto()
    BROKE = auto()
    PROTOCOL = auto()


def broken(url: str, problem: Problem, detail: str) -> AgainError:
    """The failure of one attempt, in words that are the same whichever client made it."""
    host = urlsplit(shown_url(url)).netloc
    error: NetworkError
    match problem:
        case Problem.SILENT:
            error = UnreachableError(f"{host} said nothing for {SILENCE:.0f} s; check the connection, or try again later")
        case Problem.PROXY:
            error = UnreachableError(f"the proxy to {host} failed: {detail}")
        case Problem.CONNECT:
            error = UnreachableError(f"cannot connect to {host}: {detail}; check the connection, the proxy and HF_ENDPOINT")
        case Problem.BROKE:
            error = UnreachableError(f"the connection to {host} broke: {detail}; try again later")
        case Problem.PROTOCOL:
            error = ServerError(f"{host} broke the protocol: {detail}; try again later")
    return AgainError(error, retries=1)
