"""One HTTP/1.1 connection: h11 understands the protocol, asyncio moves the bytes.

Specification: https://www.rfc-editor.org/rfc/rfc9112.
"""

import asyncio
import re
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass

import h11

from memscan.source.client import REPLY, SILENCE

PIECE = 262_144  # bytes taken from a socket at once, and given by a decoder at once
MAX_HEAD = 100 * 1024  # bytes of a reply's head
HAPPY_EYEBALLS = 0.25  # seconds until the next address of a host is tried beside the first, RFC 8305
NUMERIC = re.compile(r"[\d.]+|.*:.*")
GZIP = 16 + zlib.MAX_WBITS  # a gzip stream, in zlib's terms


class GoneError(ConnectionError):
    """The server had closed the connection before it answered: nothing was done, and another connection may do it."""


class CodingError(Exception):
    """A Content-Encoding that nobody asked for, or a body that is not coded so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a connection leads: it serves requests to that and to nothing else."""

    scheme: str
    host: str
    port: int


class Connection:
    """Carries one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._is_new = True
        self._is_answered = False

    @classmethod
    async def open(cls, origin: Origin, context: ssl.SSLContext | None, addresses: Sequence[str] | None = None) -> "Connection":
        """Connect; OSError (ssl.SSLError among them) or TimeoutError where that fails.

        `addresses` are those of the host, where it has been looked up already: then it is not again.
        """
        if addresses is not None:
            return await cls._open_at(addresses, origin, context)
        async with asyncio.timeout(SILENCE):
            # An address has no other to race with, and a race that is cancelled leaves its socket open (Python 3.11).
            delay = None if NUMERIC.fullmatch(origin.host) else HAPPY_EYEBALLS
            reader, writer = await asyncio.open_connection(
                origin.host, origin.port, ssl=context, limit=PIECE, happy_eyeballs_delay=delay
            )
        return cls(reader, writer)

    @classmethod
    async def _open_at(cls, addresses: Sequence[str], origin: Origin, context: ssl.SSLContext | None) -> "Connection":
        """Connect to the first of `addresses` that answers."""
        failure: OSError = ConnectionError("it has no address")
        async with asyncio.timeout(SILENCE):
            for address in addresses:
                try:
                    reader, writer = await asyncio.open_connection(
                        address, origin.port, ssl=context, limit=PIECE, server_hostname=origin.host if context else None
                    )
                except OSError as error:
                    failure = error
                else:
                    return cls(reader, writer)
        raise failure

    @property
    def is_idle(self) -> bool:
        """Whether another request can be sent."""
        return (
            self._http.our_state is h11.IDLE
            and self._http.their_state is h11.IDLE
            and not self._reader.at_eof()
            and not self._writer.is_closing()
        )

    async def ask(self, target: str, headers: Mapping[str, str]) -> "ConnectionResponse":
        """Send a GET and read the head of its reply.

        Raises GoneError where the connection was closed meanwhile, OSError, TimeoutError, or h11.ProtocolError.
        """
        request = h11.Request(method="GET", target=target, headers=list(headers.items()))
        is_new, self._is_new, self._is_answered = self._is_new, False, False
        async with asyncio.timeout(REPLY):
            try:
                self._writer.write((self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b""))
                event = await self._event()
            except ConnectionError as error:
                if is_new or self._is_answered:
                    raise
                raise GoneError(str(error)) from error
            while isinstance(event, h11.InformationalResponse):
                event = await self._event()
        if not isinstance(event, h11.Response):
            raise h11.RemoteProtocolError("a reply that does not begin with its head")
        fields: dict[str, str] = {}
        for name, value in event.headers:
            key, word = name.decode("ascii"), value.decode("latin-1")
            fields[key] = f"{fields[key]}, {word}" if key in fields else word
        return ConnectionResponse(self, event.status_code, fields)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body; at its end the connection is idle again, unless the server wants it closed."""
        while True:
            event = await self._event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
                    self._http.start_next_cycle()
                return
            else:
                raise h11.RemoteProtocolError("the connection was closed in the middle of a reply")

    def close(self) -> None:
        """Close at once: there is nothing left to say."""
        self._writer.transport.abort()

    async def _event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            async with asyncio.timeout(SILENCE):
                data = await self._reader.read(PIECE)
            if not data and not self._is_answered:
                raise ConnectionResetError("it was closed without a reply")
            self._is_answered = True
            self._http.receive_data(data)


class ConnectionResponse:
    """The `Response` that a connection gives."""

    def __init__(self, connection: Connection, status: int, headers: Mapping[str, str]) -> None:
        self._connection = connection
        self.status = status
        self.headers = headers

    def raw(self) -> AsyncIterator[bytes]:
        """The body as it was sent."""
        return self._connection.chunks()

    async def decoded(self) -> AsyncIterator[bytes]:
        """The body without gzip, which is all that is asked for; CodingError for any other encoding."""
        coding = self.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("identity", "gzip", "x-gzip"):
            raise CodingError(f"it answers in the encoding {coding}, and gzip was asked for")
        decoder = None if coding == "identity" else zlib.decompressobj(GZIP)
        async for chunk in self.raw():
            if decoder is None:
                yield chunk
            else:
                for piece in _unpacked(decoder, chunk):
                    yield piece


def _unpacked(decoder: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    """What `chunk` decodes to, in pieces of a bounded size however much it is."""
    try:
        while chunk:
            yield decoder.decompress(chunk, PIECE)
            chunk = decoder.unconsumed_tail
    except zlib.error as error:
        raise CodingError(f"its body is not the gzip that it says: {error}") from error
