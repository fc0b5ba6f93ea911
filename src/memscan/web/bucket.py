"""A token bucket for each client: so many queries at once, and so many a minute in the long run.

https://en.wikipedia.org/wiki/Token_bucket. Kept in memory, for at most so many clients: who was away longest is forgotten,
and has a full bucket again, as time would have given anyway.
"""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

CLIENTS = 10_000


class Buckets:
    """The buckets of all clients."""

    def __init__(self, *, burst: int, per_minute: float, clock: Callable[[], float] = monotonic) -> None:
        self._burst = burst
        self._per_second = per_minute / 60
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client -> queries left, and when that was

    def take(self, client: str) -> float:
        """Take one query of `client`; 0, or the seconds until there is one."""
        now = self._clock()
        left, then = self._left.pop(client, (float(self._burst), now))
        left = min(float(self._burst), left + (now - then) * self._per_second)
        allowed = left >= 1
        self._left[client] = (left - 1 if allowed else left, now)
        while len(self._left) > CLIENTS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._per_second
