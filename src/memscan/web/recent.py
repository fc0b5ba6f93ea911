"""Answers of the last minute, so that a link that many open at once is worked out once. Only of queries without a token."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
SECONDS = 60.0  # as long as a branch may have moved on unseen
MOST = 100  # answers; each has a few hundred kilobytes of HTML


class Recent(Generic[K, V]):
    """Values by key, for any number of threads."""

    def __init__(self, *, seconds: float = SECONDS, most: int = MOST, clock: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._lock = Lock()
        self._kept: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def find(self, key: K) -> V | None:
        """What was kept for `key`, if that was not long ago."""
        with self._lock:
            found = self._kept.get(key)
            return found[1] if found is not None and self._clock() - found[0] < self._seconds else None

    def keep(self, key: K, value: V) -> None:
        """Keep `value`, and forget the oldest where they are too many."""
        with self._lock:
            self._kept[key] = (self._clock(), value)
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
