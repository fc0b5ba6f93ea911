"""The connections of one scan: opened when they are needed, used again, and never for another host."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from urllib.parse import SplitResult, quote, unquote, urlsplit

import h11

from memscan.document import shown
from memscan.errors import TargetError, UsageError
from memscan.printable import shown_url
from memscan.source.client import Problem, broken
from memscan.source.connection import CodingError, Connection, ConnectionResponse, GoneError, Origin
from memscan.source.reach import public_addresses
from memscan.source.settings import certificates

LONGEST_LABEL = 64  # characters of one label of a name; https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4 has fewer
PORTS = {"http": 80, "https": 443}
PRINTABLE = "!#$%&'()*+,/:;=?@[]~"  # what may stand in a request's target as it is, beside letters, digits and _.-


class Pool:
    """A `Client` made of h11 and asyncio: what a scan needs, and imported in a third of a full client's time."""

    def __init__(self, *, public_only: bool = False) -> None:
        """`public_only`: connect to hosts with public addresses alone, and by TLS."""
        self._public_only = public_only
        self._idle: dict[Origin, list[Connection]] = {}

    async def aclose(self) -> None:
        """Close the connections."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()
        await asyncio.sleep(0)  # a transport closes its socket in the loop's next turn

    @asynccontextmanager
    async def reply(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[ConnectionResponse]:
        """The reply to a GET; raises AgainError for what the network does to it, UsageError where `url` is none."""
        origin, target, fields = _request(url, headers)
        if self._public_only and origin.scheme != "https":
            raise TargetError(f"{shown_url(url)} is not https; other addresses are not asked here")
        try:
            connection, response = await self._ask(url, origin, target, fields)
            try:
                yield response
            finally:
                if connection.is_idle:
                    self._idle.setdefault(origin, []).append(connection)
                else:
                    connection.close()
        except TimeoutError as error:
            raise broken(url, Problem.SILENT, str(error)) from error
        except (h11.ProtocolError, CodingError) as error:
            raise broken(url, Problem.PROTOCOL, str(error)) from error
        except OSError as error:
            raise broken(url, Problem.BROKE, error.strerror or str(error) or type(error).__name__) from error

    async def _ask(
        self, url: str, origin: Origin, target: str, headers: Mapping[str, str]
    ) -> tuple[Connection, ConnectionResponse]:
        while True:
            connection = self._waiting(origin)
            if connection is None:
                try:
                    context = _context(url) if origin.scheme == "https" else None
                    addresses = await public_addresses(origin.host, origin.port) if self._public_only else None
                    connection = await Connection.open(origin, context, addresses)
                except TimeoutError:
                    raise
                except OSError as error:
                    raise broken(url, Problem.CONNECT, str(error)) from error
            try:
                return connection, await connection.ask(target, headers)
            except GoneError:  # a server may close a connection that waits; the request goes out on another
                connection.close()
            except BaseException:
                connection.close()
                raise

    def _waiting(self, origin: Origin) -> Connection | None:
        connections = self._idle.get(origin, [])
        while connections:
            connection = connections.pop()
            if connection.is_idle:
                return connection
            connection.close()
        return None


def _request(url: str, headers: Mapping[str, str]) -> tuple[Origin, str, dict[str, str]]:
    """Where a request goes, its target, and its headers; UsageError where `url` cannot be asked."""
    try:
        parts = urlsplit(url)
        origin = _origin(parts)
    except ValueError as error:  # UnicodeError is one
        raise UsageError(f"{shown(shown_url(url))} is not a URL that can be asked: {error}") from error
    host = origin.host
    named = f"[{host}]" if ":" in host else host
    named += "" if origin.port == PORTS[origin.scheme] else f":{origin.port}"
    fields = {"host": named, "accept": "*/*", "accept-encoding": "gzip", **headers}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        fields.setdefault("authorization", f"Basic {base64.b64encode(pair).decode('ascii')}")
    query = f"?{parts.query}" if parts.query else ""
    return origin, quote((parts.path or "/") + query, safe=PRINTABLE), fields


def _origin(parts: SplitResult) -> Origin:
    """ValueError where there is none."""
    name = parts.hostname or ""
    if parts.scheme not in PORTS or not name:
        raise ValueError("expected http:// or https:// and a host")
    host = name if ":" in name or _is_plain(name) else name.encode("idna").decode("ascii")
    return Origin(scheme=parts.scheme, host=host, port=parts.port or PORTS[parts.scheme])


def _is_plain(name: str) -> bool:
    """Whether the codec gives `name` back as it is; to ask it costs an import of 5 ms before the first request."""
    return name.isascii() and all(0 < len(label) < LONGEST_LABEL for label in name.split("."))


def _context(url: str) -> ssl.SSLContext:
    file, folder = certificates()
    try:
        return _trusting(file, folder)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(
            f"the certificates that SSL_CERT_FILE or SSL_CERT_DIR name cannot be used for {shown_url(url)}: {error}"
        ) from error


@cache
def _trusting(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Made once in a process: the certificates of all authorities take 15 ms to read."""
    return ssl.create_default_context(cafile=file, capath=folder)
