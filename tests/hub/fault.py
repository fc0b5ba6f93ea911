"""How an origin can misbehave, on request."""

import gzip
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from .content import whole
from .message import Delivery, Headers, Reply, Request, merged, text_reply

Kind = Literal[
    "status",
    "hang",
    "slow",
    "cut",
    "ignore_range",
    "wrong_range",
    "short_body",
    "gzip",
    "wrong_commit",
    "redirect",
    "reset",
]
Answer = Callable[[Request], Reply]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong, for which requests, how often. A request suffers from the first fault that matches it."""

    match: str
    """Regular expression that is searched in `origin target`, for instance `cdn /lfs/.*` or `hub .*config\\.json`."""
    kind: Kind
    """
    - status: answer with `status`, `headers` and `body`
    - hang: send nothing, or the head and `after` bytes of the body; then keep silent
    - slow: send the body in pieces of `piece` bytes, `pause` seconds apart
    - cut: promise the whole body, close the connection after `after` bytes
    - reset: the same with a TCP reset; without `after` there is no reply at all
    - ignore_range: 200 with the whole file
    - wrong_range: 206 with the bytes of another range, or with `content_range` as a false statement
    - short_body: 206 or 200 as asked, but with `after` bytes only, and a Content-Length that says so
    - gzip: the body compressed, as `Content-Encoding: gzip`
    - wrong_commit: `X-Repo-Commit: commit`
    - redirect: to `location`, or to the very same address
    """
    times: int | None = None
    """How many requests it spoils; None for all."""
    status: int = 500
    """For status; for redirect any other than the default."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Put over those of the reply, for every kind."""
    body: bytes | None = None
    after: int | None = None
    piece: int = 1
    pause: float = 0.05
    content_range: str | None = None
    commit: str = "f" * 40
    location: str | None = None


class Faults:
    """The faults in force, and how often each was used."""

    def __init__(self) -> None:
        self._left: list[tuple[Fault, list[int]]] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Put a fault in force, behind those added before."""
        with self._lock:
            self._left.append((fault, [-1 if fault.times is None else fault.times]))

    def clear(self) -> None:
        """Let everything work again."""
        with self._lock:
            self._left.clear()

    def take(self, request: Request) -> Fault | None:
        """Return the fault that this request suffers from, and count it."""
        where = f"{request.origin} {request.target}"
        with self._lock:
            for fault, left in self._left:
                if left[0] != 0 and re.search(fault.match, where):
                    left[0] -= 1
                    return fault
        return None


def spoil(fault: Fault, request: Request, answer: Answer) -> Reply:
    """Return the reply that goes wrong as the fault says."""
    reply = SPOILERS[fault.kind](fault, request, answer)
    return replace(reply, headers=merged(reply.headers, fault.headers))


def _status(fault: Fault, _request: Request, _answer: Answer) -> Reply:
    if fault.body is None:
        return text_reply(fault.status, f"Fault {fault.status}")
    return Reply(status=fault.status, headers={"Content-Type": "text/plain; charset=utf-8"}, body=whole(fault.body))


def _hang(fault: Fault, request: Request, answer: Answer) -> Reply:
    return _stopped(fault, answer(request), Delivery(limit=fault.after, ending="hang"))


def _reset(fault: Fault, request: Request, answer: Answer) -> Reply:
    return _stopped(fault, answer(request), Delivery(limit=fault.after, ending="reset"))


def _cut(fault: Fault, request: Request, answer: Answer) -> Reply:
    return replace(answer(request), delivery=Delivery(limit=fault.after or 0, ending="close"))


def _stopped(fault: Fault, reply: Reply, delivery: Delivery) -> Reply:
    return replace(reply, delivery=replace(delivery, head=fault.after is not None))


def _slow(fault: Fault, request: Request, answer: Answer) -> Reply:
    return replace(answer(request), delivery=Delivery(piece=fault.piece, pause=fault.pause))


def _ignore_range(_fault: Fault, request: Request, answer: Answer) -> Reply:
    others = Headers((name, value) for name, value in request.headers.items() if name != "range")
    return answer(replace(request, headers=others))


def _wrong_range(fault: Fault, request: Request, answer: Answer) -> Reply:
    reply = answer(request)
    if reply.status != 206:
        return reply
    if fault.content_range is not None:
        return replace(reply, headers=merged(reply.headers, {"Content-Range": fault.content_range}))
    size = reply.body.content.size
    start = min(reply.body.start + 1, size - 1)
    length = min(reply.body.length, size - start)
    stated = f"bytes {start}-{start + length - 1}/{size}"
    headers = merged(reply.headers, {"Content-Range": stated})
    return replace(reply, headers=headers, body=replace(reply.body, start=start, length=length))


def _short_body(fault: Fault, request: Request, answer: Answer) -> Reply:
    reply = answer(request)
    return replace(reply, body=replace(reply.body, length=min(reply.body.length, fault.after or 0)))


def _gzip(_fault: Fault, request: Request, answer: Answer) -> Reply:
    reply = answer(request)
    body = whole(gzip.compress(reply.body.read(0, reply.body.length)))
    return replace(reply, headers=merged(reply.headers, {"Content-Encoding": "gzip"}), body=body)


def _wrong_commit(fault: Fault, request: Request, answer: Answer) -> Reply:
    reply = answer(request)
    return replace(reply, headers=merged(reply.headers, {"X-Repo-Commit": fault.commit}))


def _redirect(fault: Fault, request: Request, _answer: Answer) -> Reply:
    status = 302 if fault.status == Fault.status else fault.status
    location = request.target if fault.location is None else fault.location
    return text_reply(status, f"Redirecting to {location}", {"Location": location})


SPOILERS: Mapping[Kind, Callable[[Fault, Request, Answer], Reply]] = {
    "status": _status,
    "hang": _hang,
    "slow": _slow,
    "cut": _cut,
    "ignore_range": _ignore_range,
    "wrong_range": _wrong_range,
    "short_body": _short_body,
    "gzip": _gzip,
    "wrong_commit": _wrong_commit,
    "redirect": _redirect,
    "reset": _reset,
}
