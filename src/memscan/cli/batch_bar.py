"""The bar of `memscan batch`: repositories done and known, rate, time left, failures, and the wait for the rate limit."""

import sys
from collections.abc import Callable
from typing import Protocol

from memscan.batch import Row


class Waiting(Protocol):
    """Knows whether requests wait for the Hub's rate limit."""

    def waiting(self) -> float | None:
        """For so many seconds; None where they do not."""


class BatchBar:
    """A `memscan.batch.BatchProgress` that draws with tqdm, and draws nothing where standard error is no terminal."""

    def __init__(self) -> None:
        self._limits: Waiting | None = None
        self._failed = 0
        self._finished = 0
        self._draw: Callable[[int, int], None] = _nothing
        self.close: Callable[[], None] = _no_close
        if sys.stderr is not None and sys.stderr.isatty():
            self._open()

    def show_waiting(self, limits: Waiting) -> None:
        """Show the waits for these limits too."""
        self._limits = limits

    def expect(self, repositories: int, finished: int) -> None:
        """See `BatchProgress.expect`."""
        more, self._finished = finished - self._finished, finished
        self._draw(repositories, more)

    def advance(self, row: Row) -> None:
        """See `BatchProgress.advance`."""
        self._failed += row.exit_code != 0
        self._draw(0, 1)

    def _open(self) -> None:
        from tqdm import tqdm

        bar = tqdm(desc="batch", unit="repo", file=sys.stderr, dynamic_ncols=True, leave=False, total=0)

        def draw(known: int, done: int) -> None:
            bar.total = max(known, bar.total or 0)
            waits = None if self._limits is None else self._limits.waiting()
            said = "" if waits is None else f", waiting {waits:.0f} s for the rate limit"
            bar.set_postfix_str(f"{self._failed:,} failed{said}", refresh=False)
            bar.update(done)

        self._draw, self.close = draw, bar.close


def _nothing(_known: int, _done: int) -> None:
    return None


def _no_close() -> None:
    return None
