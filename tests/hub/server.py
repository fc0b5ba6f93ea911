"""HTTP/1.1 over loopback sockets: reads requests, sends replies, notes both.

https://www.rfc-editor.org/rfc/rfc9112 (HTTP/1.1). One event loop serves both origins, so that a reply which hangs or
drips costs no thread and can be dropped at any moment.
"""

import asyncio
import contextlib
import itertools
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping

from .message import Headers, OriginName, Reply, Request
from .record import Exchange, Log

BACKLOG = 1024  # a burst of connections must not be refused
SEND_BUFFER = 128 * 1024  # small, so that bytes which nobody reads are not counted as sent
WITHOUT_BODY = frozenset({204, 304})
NO_LINGER = struct.pack("ii", 1, 0)  # closing sends a reset

Answer = Callable[[Request, int], Awaitable[Reply]]  # given the request and its number


def listen(port: int = 0) -> socket.socket:
    """Return a socket that accepts connections from this machine only."""
    listener = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return listener


class Server:
    """Serves listening sockets until it is told to stop."""

    def __init__(
        self, listeners: Mapping[OriginName, socket.socket], answer: Answer, log: Log, tls: ssl.SSLContext | None
    ) -> None:
        self._listeners = listeners
        self._answer = answer
        self._log = log
        self._tls = tls
        self._cdn = "{}:{}".format(*listeners["cdn"].getsockname())
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count()

    async def run(self, stop: asyncio.Event, ready: Callable[[], object]) -> None:
        """Serve until `stop` is set; then drop every connection, whatever it waits for."""
        servers = [
            await asyncio.start_server(self._connect(origin), sock=listener, backlog=BACKLOG, ssl=self._tls)
            for origin, listener in self._listeners.items()
        ]
        ready()
        await stop.wait()
        for server in servers:
            server.close()
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # aborted transports close their sockets in the next turn of the loop

    def _connect(self, origin: OriginName) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(self._serve(origin, reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return connect

    async def _serve(self, origin: OriginName, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, request after request."""
        # Draining waits until the kernel has everything. asyncio's TLS pauses a writer at its limit and not above it: with a
        # limit of 0 it would pause one that has nothing to write, and nothing would wake it up.
        writer.transport.set_write_buffer_limits(high=0 if self._tls is None else 1)
        number = next(self._numbers)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                while (request := await self._read(origin, reader)) is not None:
                    if not await self._exchange(self._log.open(request, number), reader, writer):
                        break
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    async def _read(self, origin: OriginName, reader: asyncio.StreamReader) -> Request | None:
        """Return the next request, None where the client has left or talks something else."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, _, rest = first.partition(" ")
        target = rest.partition(" ")[0]
        if not target:
            return None
        fields = (line.partition(":") for line in lines)
        headers = Headers((name, value.strip()) for name, _, value in fields)
        body = await reader.readexactly(int(headers.get("Content-Length", "0")))
        if target.startswith("http://"):  # a client that takes this origin for its proxy names the host too
            host, _, path = target.removeprefix("http://").partition("/")
            origin, target = ("cdn" if host == self._cdn else "hub"), f"/{path}"
        return Request(origin, method, target, headers, body)

    async def _exchange(self, exchange: Exchange, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether the connection may serve another one."""
        try:
            reply = await self._answer(exchange.request, exchange.index)
            if reply.delivery.head:
                await self._send(exchange, reply, writer)
            if reply.delivery.ending == "hang":
                await reader.read()  # until the client gives up or the server stops
        finally:
            exchange.finish()
        if reply.delivery.ending == "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            writer.transport.abort()
        asked_to_close = exchange.request.headers.get("Connection", "").lower() == "close"
        return reply.delivery.ending == "complete" and not asked_to_close

    async def _send(self, exchange: Exchange, reply: Reply, writer: asyncio.StreamWriter) -> None:
        """Send head and body, piece by piece."""
        delivery = reply.delivery
        bare = exchange.request.method == "HEAD" or reply.status in WITHOUT_BODY
        total = 0 if bare else reply.body.length
        stop = total if delivery.limit is None else min(total, delivery.limit)
        exchange.status = reply.status
        waiting, sent = reply.head(), 0
        while waiting or sent < stop:
            piece = reply.body.read(sent, min(delivery.piece, stop - sent))
            sent += len(piece)
            exchange.body_bytes = sent
            if sent >= stop and delivery.ending != "hang":
                exchange.finish()
            writer.write(waiting + piece)
            await writer.drain()
            waiting = b""
            if sent < stop:
                await asyncio.sleep(delivery.pause)
