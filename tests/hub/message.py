"""HTTP messages as values: what a client asked, and what it is to be sent.

https://www.rfc-editor.org/rfc/rfc9110 (HTTP semantics)
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal
from urllib.parse import parse_qs, unquote

from .content import Span, whole

OriginName = Literal["hub", "cdn"]
PIECE = 64 * 1024  # bytes written at once; small enough that a client which stops reading is noticed early
EMPTY = whole(b"")


class Headers(Mapping[str, str]):
    """Header fields, found in any spelling of their name; of repeated fields the last one counts."""

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = {name.lower(): value for name, value in fields}

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._fields

    def __repr__(self) -> str:
        return f"Headers({self._fields!r})"


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    origin: OriginName
    method: str
    target: str
    """Path with query, as sent."""
    headers: Headers
    body: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query, still quoted."""
        return self.target.partition("?")[0]

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts between the slashes, each unquoted on its own: `feature%2Fx` is one part."""
        return tuple(unquote(part) for part in self.path.strip("/").split("/"))

    @property
    def query(self) -> dict[str, list[str]]:
        """Query parameters."""
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    def flag(self, name: str) -> bool:
        """Whether a query parameter is given and is not false."""
        values = self.query.get(name, ["false"])
        return values[-1].lower() not in {"false", "0"}


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How a reply is sent: as it should be, unless a fault says otherwise."""

    head: bool = True
    """False: not even the status line is sent."""
    limit: int | None = None
    """Number of body bytes after which sending stops."""
    ending: Literal["complete", "close", "hang", "reset"] = "complete"
    """What follows the last byte: the next request, the end of the connection, silence or a TCP reset."""
    piece: int = PIECE
    pause: float = 0.0
    """Seconds between two pieces."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a client is to be sent. Content-Length is that of the body, unless a header says otherwise."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Span = EMPTY
    delivery: Delivery = Delivery()

    def head(self) -> bytes:
        """Return the status line and the header fields."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:  # tests may invent a code
            phrase = "Unknown"
        fields = merged({"Content-Length": str(self.body.length)}, self.headers)
        lines = [f"HTTP/1.1 {self.status} {phrase}", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1")


def merged(fields: Mapping[str, str], over: Mapping[str, str]) -> dict[str, str]:
    """Return both, where a field of `over` takes the place of one with the same name in any spelling."""
    names = {name.lower() for name in over}
    return {**{name: value for name, value in fields.items() if name.lower() not in names}, **over}


def json_reply(value: object, headers: Mapping[str, str] | None = None, status: int = 200) -> Reply:
    """Return a reply of the Hub's API."""
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return Reply(
        status=status,
        headers={"Content-Type": "application/json; charset=utf-8", **(headers or {})},
        body=whole(body),
    )


def text_reply(status: int, text: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a reply in plain words, as the Hub and its CDN send outside the API."""
    return Reply(
        status=status,
        headers={"Content-Type": "text/plain; charset=utf-8", **(headers or {})},
        body=whole(text.encode()),
    )
