"""A Hugging Face Hub on this machine: two origins on loopback sockets, as faithful as its clients can tell."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from .catalogue import Catalogue
from .cdn import Cdn
from .content import Content
from .fault import Fault, Faults, spoil
from .limits import RateLimits, kind_of
from .message import OriginName, Reply, Request, merged, text_reply
from .record import Log, Record
from .repository import Repository
from .server import Server, listen
from .site import Site

PAGE_SIZE = 1000  # files in one page of a listing, as on the real Hub
STRANGER = "hf_stranger_token"  # a valid token that may read no gated and no private repository


class LoopbackHub:
    """Serves repositories while the `with` block runs.

    `latency` is slept before each reply and may be changed at any time. `port` is that of the Hub's origin (0: any).
    Without `metadata_endpoint` the one-request route for shard headers is missing, as where a Hub does not have it.
    `limits` are the rate limits; by default those of anonymous users, told and not enforced.
    With `certificate`, a file that holds a certificate for 127.0.0.1 and its key, both origins speak TLS.
    """

    endpoint: str
    """The Hub's origin, for HF_ENDPOINT. After the `with` block connections to it are refused."""
    cdn: str
    """The origin that LFS files are redirected to."""
    tokens: dict[str, str]
    """Valid tokens -> name of the user; every other token is refused. May be changed in place at any time."""

    def __init__(
        self,
        repositories: Iterable[Repository] = (),
        *,
        latency: float = 0.0,
        page_size: int = PAGE_SIZE,
        metadata_endpoint: bool = True,
        tokens: Mapping[str, str] | None = None,
        port: int = 0,
        certificate: Path | None = None,
        limits: RateLimits | None = None,
    ) -> None:
        self._born_with = tuple(repositories), latency, dict(tokens or {})
        self.limits = limits or RateLimits()
        self._repositories: list[Repository] = []
        self.tokens = {}
        self._catalogue = Catalogue(self.tokens)
        self._page_size = page_size
        self._metadata_endpoint = metadata_endpoint
        self._port = port
        self._files: dict[str, Content] = {}
        self._faults = Faults()
        self._log = Log()
        self._failures: list[Exception] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tls = None if certificate is None else ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        if self._tls is not None and certificate is not None:
            self._tls.load_cert_chain(certificate)
        self.reset()

    def __enter__(self) -> Self:
        listeners: dict[OriginName, socket.socket] = {"hub": listen(self._port), "cdn": listen()}
        scheme = "http" if self._tls is None else "https"
        addresses = [listener.getsockname() for listener in listeners.values()]
        self.endpoint, self.cdn = (f"{scheme}://{host}:{port}" for host, port in addresses)
        self._site = Site(self._catalogue, self.cdn, self._page_size, self._metadata_endpoint)
        self._cdn_site = Cdn(self._catalogue, self._files)
        server = Server(listeners, self._answer, self._log, self._tls)
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(server, ready)), name="loopback-hub", daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if error is None and self._failures:
            raise RuntimeError("the loopback Hub itself failed") from self._failures[0]

    @property
    def requests(self) -> tuple[Record, ...]:
        """What both origins were asked, in the order of arrival, with what a client sent just before it gave up."""
        self._settle()
        return self._log.records()

    @property
    def read_only(self) -> set[str]:
        """Tokens that may open no discussion; may be changed in place at any time."""
        return self._catalogue.read_only

    def forget(self) -> None:
        """Clear the record of requests, also of those that were sent and have not been read yet."""
        self._settle()
        self._log.clear()

    def add_repository(self, repository: Repository) -> Repository:
        """Serve one more repository, and return it; its readers get their tokens."""
        self.add_repositories([repository])
        return repository

    def add_repositories(self, repositories: Iterable[Repository]) -> None:
        """Serve many more repositories."""
        more = [*repositories]
        self._catalogue.replace([*self._repositories, *more])
        self._repositories.extend(more)
        self.tokens.update(dict.fromkeys((token for one in more for token in one.readers), "reader"))

    @property
    def repositories(self) -> tuple[Repository, ...]:
        """What is served."""
        return tuple(self._repositories)

    def reset(self) -> None:
        """Be as at the start: its own repositories, tokens and latency, no faults, no files, nothing recorded.

        RuntimeError where the hub itself has failed meanwhile.
        """
        repositories, self.latency, tokens = self._born_with
        self._repositories.clear()
        self._catalogue.replace(())
        self.tokens.clear()
        self.tokens[STRANGER] = "stranger"
        self.add_repositories(repositories)
        self.tokens.update(tokens)
        self.read_only.clear()
        self._catalogue.opened.clear()
        self._files.clear()
        self._faults.clear()
        self.forget()  # what a scan sent before it failed belongs to the test that is over
        failures, self._failures = self._failures, []
        if failures:
            raise RuntimeError("the loopback Hub itself failed") from failures[0]

    def add_fault(self, fault: Fault) -> None:
        """Make matching requests go wrong from now on."""
        self._faults.add(fault)

    def clear_faults(self) -> None:
        """Let everything work again."""
        self._faults.clear()

    def add_file(self, name: str, content: bytes | Path) -> str:
        """Serve a file at a plain address of the CDN's origin, and return the address."""
        self._files[name] = Content(content)
        return f"{self.cdn}/files/{quote(name)}"

    def _settle(self) -> None:
        """Wait until everything that was sent to the hub has been read: also by clients that have given up meanwhile."""
        if self._loop is not None and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(_turns(), self._loop).result()

    async def _run(self, server: Server, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        await server.run(self._stop, ready.set)

    async def _answer(self, request: Request, index: int) -> Reply:
        """Answer for either origin, and spoil the answer where a fault says so."""
        if self.latency:
            await asyncio.sleep(self.latency)
        at_hub, kind = request.origin == "hub", kind_of(request.path)
        answer = self._site.answer if at_hub else self._cdn_site.answer
        refused = self.limits.count(kind) if at_hub else None
        try:
            fault = None if refused else self._faults.take(request)
            reply = refused or (answer(request) if fault is None else spoil(fault, request, answer))
        except Exception as error:  # kept, because a Hub that fails by itself must fail the test
            self._failures.append(error)
            return text_reply(500, f"The loopback Hub itself failed: {error!r}")
        if at_hub:
            standing = {"X-Request-Id": f"Root=1-00000000-{index:024x}", **self.limits.headers(kind)}
            reply = replace(reply, headers=merged(standing, reply.headers))
        return reply


async def _turns() -> None:
    """Let the loop of the server accept what has arrived, and read it."""
    for _ in range(20):  # a new connection takes six of them until its request is on record
        await asyncio.sleep(0)
