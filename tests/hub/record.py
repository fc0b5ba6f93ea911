"""What the two origins saw: one record for each request."""

import math
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from .message import Headers, OriginName, Request


@dataclass(frozen=True, kw_only=True)
class Record:
    """A request, and what was sent for it so far."""

    index: int
    """Place in the order of arrival, over both origins."""
    origin: OriginName
    method: str
    path: str
    """Path with query, as sent."""
    headers: Headers
    connection: int
    """Number of the connection: requests that share it were sent over one TCP connection."""
    status: int
    """0 where no reply was sent."""
    body_bytes: int
    """Bytes of the body that were handed to the network; a client that hangs up has read fewer."""
    start: float
    """When the request had been read, on the monotonic clock."""
    end: float
    """When the last byte was sent; infinite while the reply is under way."""


@dataclass(kw_only=True)
class Exchange:
    """A record in the making."""

    index: int
    request: Request
    connection: int
    status: int = 0
    body_bytes: int = 0
    start: float = field(default_factory=time.monotonic)
    end: float = math.inf

    def finish(self) -> None:
        """Set the end, once: before the last byte leaves, so that no client acts on a reply that has no end."""
        if self.end == math.inf:
            self.end = time.monotonic()

    def record(self) -> Record:
        """Return the state of this moment."""
        return Record(
            index=self.index,
            origin=self.request.origin,
            method=self.request.method,
            path=self.request.target,
            headers=self.request.headers,
            connection=self.connection,
            status=self.status,
            body_bytes=self.body_bytes,
            start=self.start,
            end=self.end,
        )


class Log:
    """All exchanges; written by the server's thread, read by tests."""

    def __init__(self) -> None:
        self._exchanges: list[Exchange] = []
        self._lock = threading.Lock()

    def open(self, request: Request, connection: int) -> Exchange:
        """Note a request that has just arrived."""
        with self._lock:
            exchange = Exchange(index=len(self._exchanges), request=request, connection=connection)
            self._exchanges.append(exchange)
            return exchange

    def records(self) -> tuple[Record, ...]:
        """Return a record of each exchange, in the order of arrival."""
        with self._lock:
            return tuple(exchange.record() for exchange in self._exchanges)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._exchanges.clear()


def round_trips(records: Iterable[Record]) -> int:
    """Return how many requests were sent one after the other: the longest chain in which each waited for the last.

    Requests that overlap count once. Needs a hub with some latency, or else requests that were sent together
    may look sequential.
    """
    chain, free_at = 0, -math.inf
    for record in sorted(records, key=lambda record: record.end):
        if record.start >= free_at:
            chain, free_at = chain + 1, record.end
    return chain
