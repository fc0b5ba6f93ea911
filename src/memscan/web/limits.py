"""What the page gives to each of those who use it at once, so that there is something for all."""

from dataclasses import dataclass
from enum import StrEnum


class Urls(StrEnum):
    """Which addresses outside the Hub are read."""

    NONE = "none"
    PUBLIC = "public"
    """Those of hosts with public addresses, by https."""
    ANY = "any"
    """Also what stands in the network of the server: for a page that only its own people reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one server."""

    readings: int = 4
    """Models that are read at once; others wait in line."""
    waiting: int = 100
    """Queries that may wait."""
    seconds: float = 60.0
    """For one query, from when its turn comes."""
    header_bytes: int = 64 * 2**20
    """Read for one query; the objects made of them take some ten times as much memory."""
    per_minute: float = 20.0
    """Queries of one client, in the long run."""
    burst: int = 20
    """Queries of one client at once."""
    urls: Urls = Urls.PUBLIC
    proxies: int = 0
    """Proxies in front of the server, each of which adds to X-Forwarded-For whom it was asked by."""
