"""The seam to the network: what a source asks of an HTTP client, whichever it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from memscan.errors import ServerError
from memscan.printable import shown_url
from memscan.read import ByteRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply that was checked."""

    url: str
    """Where it came from in the end; it may be signed and is never shown."""
    body: bytes
    size: int | None
    """Size of the whole file, as Content-Range or Content-Length says."""
    commit: str | None
    """`X-Repo-Commit`, from whichever hop gave it."""
    link: str | None = None
    """`Link`, which leads to the next page of a list."""


class StatusError(Exception):
    """A reply with an error status; who asked knows what it means. Never leaves `memscan.source`."""

    def __init__(self, url: str, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(status)
        self.url = shown_url(url)
        self.status = status
        self.code = headers.get("x-error-code", "")
        self.message = headers.get("x-error-message", "")

    def unexpected(self) -> ServerError:
        """The error for a status that who asked has no better words for."""
        return ServerError(f"{self.url} answered with HTTP status {self.status}; try again later")


class Transport(Protocol):
    """An HTTP client that knows the Hub's origin and keeps the token there."""

    @property
    def endpoint(self) -> str:
        """The Hub or the mirror in use, without a slash at the end."""

    @property
    def authenticated(self) -> bool:
        """Whether requests to the Hub carry a token."""

    async def get(self, url: str, *, limit: int, wanted: ByteRange | None = None, retry: bool = True) -> Reply:
        """GET `url`, or exactly the range `wanted` of it, reading at most `limit` bytes.

        Raises StatusError for an error status that patience does not mend, NetworkError for all else.
        """

    async def aclose(self) -> None:
        """Close the connections."""
