"""The Hub's rate limits: requests of each kind in a fixed window, counted, told in every reply, and refused beyond.

https://huggingface.co/docs/hub/rate-limits
"""

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from .message import Reply, json_reply

ANONYMOUS: Mapping[str, int] = {"api": 500, "resolvers": 3000, "pages": 100}
WINDOW = 300.0  # seconds


def kind_of(path: str) -> str:
    """The kind of request that a path is."""
    parts = path.split("/")
    if parts[1] == "api" and parts[2:3] != ["resolve-cache"]:
        return "api"
    return "resolvers" if "resolve" in path else "pages"


@dataclass(kw_only=True)
class RateLimits:
    """What is allowed, and what was asked. Without `enforced` every reply says that almost nothing was asked yet."""

    allowed: Mapping[str, int] = field(default_factory=lambda: dict(ANONYMOUS))
    window: float = WINDOW
    enforced: bool = False
    refused: int = 0
    """Requests that were refused in all."""
    asked: dict[str, int] = field(default_factory=dict)
    """Requests of a kind in all."""
    most: dict[str, int] = field(default_factory=dict)
    """Requests of a kind that were asked in one window, at most."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._ends = 0.0

    def count(self, kind: str) -> Reply | None:
        """Count a request; the refusal where it is one too many."""
        if not self.enforced:
            return None
        with self._lock:
            now = time.monotonic()
            if now >= self._ends:
                self._ends = now + self.window if not self._ends else now + self.window - (now - self._ends) % self.window
                self._counts.clear()
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self.asked[kind] = self.asked.get(kind, 0) + 1
            self.most[kind] = max(self.most.get(kind, 0), self._counts[kind])
            if self._counts[kind] <= self.allowed[kind]:
                return None
            self.refused += 1
        return json_reply({"error": "We had to rate limit you"}, status=429)

    def headers(self, kind: str) -> dict[str, str]:
        """The header fields that say what is left."""
        left = self.allowed[kind] - 1
        seconds = self.window
        if self.enforced:
            with self._lock:
                left, seconds = max(0, self.allowed[kind] - self._counts.get(kind, 0)), self._ends - time.monotonic()
        return {
            "RateLimit": f'"{kind}";r={left};t={max(0, math.ceil(seconds))}',
            "RateLimit-Policy": f'"fixed window";"{kind}";q={self.allowed[kind]};w={math.ceil(self.window)}',
        }
