"""The door of the server, without the server: which routes are open, and how much of a request comes through."""

import asyncio
from typing import Any

import pytest

from memscan.web.doorway import MOST_BODY, Doorway, is_open


@pytest.mark.parametrize(
    "path",
    [
        "/", "/config", "/theme.css", "/assets/index.js", "/static/img/logo.svg", "/gradio_api/queue/join",
        "/gradio_api/queue/data", "/gradio_api/heartbeat/abc", "/login/huggingface", "/login/callback", "/logout", "/favicon.ico",
    ],
)  # fmt: skip
def test_what_the_page_uses_is_open(path: str) -> None:
    assert is_open(path)


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd", "/file=/etc/passwd", "/gradio_api/upload", "/upload", "/gradio_api/proxy=http://x",
        "/docs", "/gradio_api/call/ask", "/gradio_api/run/ask", "/gradio_api/info", "/monitoring", "/gradio_api/mcp", "/assetsx",
        "/configs", "/gradio_api/stream/x", "/gradio_api/vibe-code", "/gradio_api", "/anything",
    ],
)  # fmt: skip
def test_the_rest_is_closed(path: str) -> None:
    assert not is_open(path)


def through(path: str, *chunks: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> tuple[int, bytes, dict[bytes, bytes]]:
    """Send a request in `chunks` through a door to an application that answers with the number of bytes it was sent."""
    waiting = [{"type": "http.request", "body": one, "more_body": True} for one in chunks]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        total, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            total += len(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Security-Policy", b"anything")]})
        await send({"type": "http.response.body", "body": str(total).encode()})

    scope = {"type": "http", "path": path, "headers": list(headers)}
    asyncio.run(Doorway(app, in_space=False)(scope, receive, send))
    return sent[0]["status"], sent[1]["body"], {name.lower(): value for name, value in sent[0]["headers"]}


def test_a_body_comes_through_until_it_is_too_long() -> None:
    assert through("/gradio_api/queue/join", b"x" * 1000)[:2] == (200, b"1000")
    half = b"x" * (MOST_BODY // 2 + 1)
    assert int(through("/gradio_api/queue/join", half, half, half)[1]) <= MOST_BODY


@pytest.mark.parametrize(("length", "status"), [(b"10", 200), (str(MOST_BODY + 1).encode(), 413), (b"9" * 19, 413), (b"-1", 200)])
def test_a_length_that_is_too_large_is_refused_at_once(length: bytes, status: int) -> None:
    assert through("/config", headers=((b"content-length", length),))[0] == status


def test_every_answer_has_the_policy_once() -> None:
    _, _, headers = through("/config")
    assert headers[b"content-security-policy"].startswith(b"default-src 'self'")
    assert headers[b"x-content-type-options"] == b"nosniff"


def test_no_other_protocol_comes_in() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def never(*_: Any) -> Any:
        raise AssertionError

    asyncio.run(Doorway(never, in_space=False)({"type": "websocket", "path": "/"}, never, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_only_a_space_is_framed_by_the_hub() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    for in_space in (True, False):
        sent: list[Any] = []

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        asyncio.run(Doorway(app, in_space=in_space)({"type": "http", "path": "/", "headers": []}, None, send))  # type: ignore[arg-type]
        policy = dict(sent[0]["headers"])[b"content-security-policy"]
        assert (b"https://huggingface.co https://*.huggingface.co" in policy) is in_space
