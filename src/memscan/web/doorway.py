"""The door of the server: so many bytes go in, to some of Gradio's routes, and what comes out fetches nothing elsewhere."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MOST_BODY = 256 * 1024  # bytes of a request: a form of words
OPEN = frozenset({"", "config", "theme.css", "robots.txt", "favicon.ico", "manifest.json", "logout"})
OPEN_BELOW = ("assets/", "static/", "svelte/", "pwa_icon", "login")
OPEN_API = ("queue/join", "queue/data", "heartbeat/", "startup-events", "reset", "cancel", "theme.css", "app_id")
"""The routes of Gradio that this page uses. The others are files to and from the server's disk, requests to other servers, calls
that pass by the queue, and what is for developers."""
SPACES = "https://huggingface.co https://*.huggingface.co https://*.hf.space"
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self';"
    " form-action 'self' https://huggingface.co; frame-ancestors 'self' {frames}"
)


class Doorway:
    """An ASGI application around another one."""

    def __init__(self, app: App, *, in_space: bool) -> None:
        self._app = app
        policy = POLICY.format(frames=SPACES if in_space else "").strip()
        self._headers = [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
        ]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path == "/healthz":
            await _refuse(send, 200, "ok")
            return
        if not is_open(path):
            await _refuse(send, 404, "not found")
            return
        bounded = _Bounded(receive)
        if bounded.announced(scope["headers"]) > MOST_BODY:
            await _refuse(send, 413, "the request is too large")
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in self._headers}
                kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in names]
                message = {**message, "headers": [*kept, *self._headers]}
            await send(message)

        await self._app(scope, bounded.receive, sent)


class _Bounded:
    """The body of a request, cut off where it grows too long."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._taken = 0

    @staticmethod
    def announced(headers: list[tuple[bytes, bytes]]) -> int:
        """The length that a request states."""
        word = dict(headers).get(b"content-length", b"0")
        return int(word) if word.isdigit() and len(word) < 20 else 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self._taken > MOST_BODY else message


def is_open(path: str) -> bool:
    """Whether the page needs what is at `path`."""
    rest = path.strip("/")
    if rest.startswith("gradio_api/"):
        return rest.removeprefix("gradio_api/").startswith(OPEN_API)
    return rest in OPEN or rest.startswith(OPEN_BELOW)


async def _refuse(send: Send, status: int, text: str) -> None:
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
