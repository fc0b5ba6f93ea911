"""Limits on how many requests may go to the Hub: what an HTTP client asks of whoever keeps them."""

from typing import NamedTuple, Protocol

WINDOW = 300.0  # seconds, where no policy says how long a window is


class Told(NamedTuple):
    """What one reply says of its kind."""

    left: int
    """Requests left in the window, after this one."""
    seconds: float
    """Until the window ends."""
    window: float = WINDOW
    """Its length in seconds."""


class Limits(Protocol):
    """What an HTTP client asks before it sends a request to the Hub, and tells after the reply."""

    async def take(self, kind: str) -> None:
        """Wait until one more request of this kind may go; RateLimitError where that would be for too long."""

    def learn(self, kind: str, told: Told | None) -> None:
        """A reply to a request that was taken has come; None where it says nothing of a limit, though it is no failure."""

    def lose(self, kind: str) -> None:
        """No reply came, or one that says nothing: the server may have counted the request or not."""

    def left(self, kind: str) -> int | None:
        """Requests that may go in this window; None where that is not known, or there is no limit."""
