"""The two HTTP clients behind the seam: one meaning for what servers send, and the oracle is httpx2 itself."""

import asyncio
import gzip
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from huggingface_hub import set_async_client_factory
from huggingface_hub.utils._http import default_async_client_factory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memscan.errors import MemscanError, UsageError
from memscan.source.client import Client
from memscan.source.patience import AgainError
from memscan.source.pool import Pool
from memscan.source.session import Session
from memscan.source.settings import wants_session

OK = b"HTTP/1.1 200 OK\r\n"
BODY = b"0123456789"
LIMIT = 1_000_000  # bytes that a reader takes, as the transport bounds it


class Canned:
    """A server that sends the same bytes in answer to every request, then closes or waits for the next."""

    def __init__(self, reply: bytes, *, keep: bool = False, times: int = 1000) -> None:
        self.reply, self.keep, self.times = reply, keep, times
        self.requests: list[bytes] = []
        self.connections = 0

    @contextmanager
    def running(self) -> Iterator[str]:
        canned = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                canned.connections += 1
                for _ in range(canned.times):
                    head = b""
                    while b"\r\n\r\n" not in head:
                        data = self.request.recv(65536)
                        if not data:
                            return
                        head += data
                    canned.requests.append(head)
                    self.request.sendall(canned.reply)
                    if not canned.keep:
                        return

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        with Server(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}"
            finally:
                server.shutdown()
                thread.join()


async def asked(client: Client, url: str, *, decoded: bool = True) -> tuple[int, bytes] | str:
    """Status and body, or what the failure is."""
    try:
        async with client.reply(url, {"user-agent": "x"}) as response:
            body = bytearray()
            async for chunk in response.decoded() if decoded else response.raw():
                body += chunk
                if len(body) > LIMIT:
                    break
            return response.status, bytes(body[:LIMIT])
    except AgainError as again:
        return type(again.error).__name__
    except MemscanError as error:
        return type(error).__name__
    finally:
        await client.aclose()


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + end


def with_length(body: bytes, *fields: bytes) -> bytes:
    return OK + b"".join(field + b"\r\n" for field in fields) + b"Content-Length: %d\r\n\r\n" % len(body) + body


REPLIES = {
    "length": with_length(BODY),
    "nothing": with_length(b""),
    "until closed": OK + b"\r\n" + BODY,
    "http 1.0": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "chunked": OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(BODY, BODY),
    "chunked, extensions and trailers": OK + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\n01234\r\n0\r\nX-Y: z\r\n\r\n",
    "no reason": b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok",
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + with_length(BODY),
    "gzip": with_length(gzip.compress(BODY * 100), b"Content-Encoding: gzip"),
    "gzip, chunked": OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(gzip.compress(BODY)),
    "a gzip bomb": with_length(gzip.compress(b"0" * 50_000_000), b"Content-Encoding: gzip"),
    "identity": with_length(BODY, b"Content-Encoding: identity"),
    "an error with words": b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone",
    "latin-1 in a header": with_length(BODY, b"X-Name: caf\xe9"),
    "a header twice": with_length(BODY, b"X-A: 1", b"X-A: 2"),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
}
BROKEN = {
    "no http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing at all": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "a short body": OK + b"Content-Length: 100\r\n\r\n" + BODY,
    "a chunk too short": OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\n" + BODY,
    "a chunk of no size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY + b"\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a negative length": OK + b"Content-Length: -1\r\n\r\nab",
    "a status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
    "an endless header": OK + b"X-A: " + b"a" * 300_000 + b"\r\n\r\n",
    "endless headers": OK + b"X-A: b\r\n" * 40_000 + b"\r\n",
    "no gzip": with_length(BODY, b"Content-Encoding: gzip"),
}  # fmt: skip


@pytest.mark.parametrize("name", REPLIES)
def test_both_read_the_same(name: str) -> None:
    with Canned(REPLIES[name]).running() as url:
        mine, theirs = asyncio.run(asked(Pool(), url)), asyncio.run(asked(Session(), url))
    assert not isinstance(mine, str)
    assert mine == theirs


@pytest.mark.parametrize("name", BROKEN)
def test_both_refuse_the_same(name: str) -> None:
    with Canned(BROKEN[name]).running() as url:
        mine, theirs = asyncio.run(asked(Pool(), url)), asyncio.run(asked(Session(), url))
    assert isinstance(theirs, str)
    assert mine in (theirs, "UnreachableError")  # to the user a connection that is closed too early broke


def test_an_encoding_that_nobody_asked_for_is_refused() -> None:
    with Canned(with_length(BODY, b"Content-Encoding: br")).running() as url:
        assert asyncio.run(asked(Pool(), url)) == "ServerError"
        assert asyncio.run(asked(Pool(), url, decoded=False)) == (200, BODY)


@given(noise=st.binary(max_size=300), at=st.integers(0, 200), name=st.sampled_from(sorted(REPLIES)))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_bytes_of_a_server_break_it(noise: bytes, at: int, name: str) -> None:
    good = REPLIES[name][:2000]
    with Canned(good[:at] + noise + good[at + len(noise) :]).running() as url:
        found = asyncio.run(asked(Pool(), url))
    assert isinstance(found, str) or 200 <= found[0] < 1000


def ask_twice(url: str, second: str | None = None) -> list[tuple[int, bytes]]:
    async def work() -> list[tuple[int, bytes]]:
        pool, found = Pool(), []
        for each in (url, second or url):
            async with pool.reply(each, {}) as response:
                found.append((response.status, b"".join([chunk async for chunk in response.raw()])))
        await pool.aclose()
        return found

    return asyncio.run(work())


@pytest.mark.parametrize("name", ["length", "nothing", "chunked", "not modified"])
def test_a_connection_serves_again(name: str) -> None:
    canned = Canned(REPLIES[name], keep=True)
    with canned.running() as url:
        first, second = ask_twice(url)
    assert first == second
    assert (canned.connections, len(canned.requests)) == (1, 2)


@pytest.mark.parametrize("closing", [b"Connection: close", b"Connection: Close"])
def test_a_connection_that_is_announced_to_close_does_not(closing: bytes) -> None:
    canned = Canned(with_length(BODY, closing), keep=True)
    with canned.running() as url:
        ask_twice(url)
    assert canned.connections == 2


def test_a_connection_that_was_closed_while_it_waited_is_replaced() -> None:
    """The server reads the second request on the old connection, and closes it without a word."""
    canned = Canned(REPLIES["length"], keep=True, times=1)
    with canned.running() as url:
        assert ask_twice(url) == [(200, BODY), (200, BODY)]
    assert (canned.connections, len(canned.requests)) == (2, 2)


def test_a_body_that_was_not_read_costs_its_connection() -> None:
    canned = Canned(REPLIES["length"], keep=True)

    async def work(url: str) -> None:
        pool = Pool()
        for _ in range(2):
            async with pool.reply(url, {}) as response:
                assert response.status == 200
        await pool.aclose()

    with canned.running() as url:
        asyncio.run(work(url))
    assert canned.connections == 2


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("{}", b"GET / HTTP/1.1"),
        ("{}/a b/ü?q=1 2&r=%20#part", b"GET /a%20b/%C3%BC?q=1%202&r=%20 HTTP/1.1"),
        ("{}?x", b"GET /?x HTTP/1.1"),
        ('{}/"<>^`{{|}}', b"GET /%22%3C%3E%5E%60%7B%7C%7D HTTP/1.1"),
    ],
)
def test_what_is_asked_for(url: str, line: bytes) -> None:
    canned = Canned(REPLIES["length"])
    with canned.running() as base:
        assert asyncio.run(asked(Pool(), url.format(base))) == (200, BODY)
        port = base.rpartition(":")[2].encode()
    head = canned.requests[0].split(b"\r\n")
    assert head[0] == line
    assert b"host: 127.0.0.1:" + port in [field.lower() for field in head]


@pytest.mark.parametrize("client", [Pool, Session])
def test_a_user_in_the_address_is_told_to_the_server_alone(client: type[Client]) -> None:
    canned = Canned(REPLIES["length"])
    with canned.running() as base:
        asyncio.run(asked(client(), base.replace("://", "://me:s%20cret@")))
    fields = {name.lower(): value for name, _, value in (line.partition(b": ") for line in canned.requests[0].split(b"\r\n"))}
    assert fields[b"authorization"] == b"Basic bWU6cyBjcmV0"
    assert b"me:" not in fields[b"host"]


@pytest.mark.parametrize("url", ["http://", "ftp://x/y", "http://a..b/x", "http://127.0.0.1:99999/", "http://[bad/", "x"])
def test_what_is_no_url_is_a_usage_error(url: str) -> None:
    async def work() -> None:
        async with Pool().reply(url, {}):
            pass

    with pytest.raises(UsageError, match="not a URL"):
        asyncio.run(work())


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for client in (Pool(), Session()):
        assert asyncio.run(asked(client, f"http://127.0.0.1:{port}/")) == "UnreachableError"


class TestWhichClient:
    @pytest.fixture(autouse=True)
    def _plain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)

    def test_the_pool_is_the_usual_one(self) -> None:
        assert not wants_session()

    @pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
    def test_a_proxy_needs_the_session(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        assert wants_session()
        monkeypatch.setenv(name, "")
        assert not wants_session()

    def test_a_factory_of_the_users_needs_the_session(self) -> None:
        def factory() -> httpx2.AsyncClient:
            return default_async_client_factory()

        set_async_client_factory(factory)
        try:
            assert wants_session()
        finally:
            set_async_client_factory(default_async_client_factory)
        assert not wants_session()
