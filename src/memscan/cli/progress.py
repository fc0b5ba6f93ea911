"""A bar on the terminal for scans that take longer than a second; nothing where standard error is no terminal."""

import sys
from collections.abc import Callable
from time import monotonic

PATIENCE = 1.0  # seconds before a bar appears


class Bar:
    """A `memscan.scanning.Progress` that draws with tqdm, imported only when there is something to draw."""

    def __init__(self) -> None:
        self._started = monotonic()
        self._expected = self._done = 0
        self._draw: Callable[[int, int], None] | None = None
        self.close: Callable[[], None] = _nothing

    def expect(self, files: int) -> None:
        """See `Progress.expect`."""
        self._expected += files

    def advance(self) -> None:
        """See `Progress.advance`."""
        self._done += 1
        if self._draw is None and self._done < self._expected and monotonic() - self._started > PATIENCE and sys.stderr.isatty():
            self._open()
        if self._draw is not None:
            self._draw(self._done, self._expected)

    def _open(self) -> None:
        from tqdm import tqdm

        bar = tqdm(total=self._expected, desc="headers", unit="file", leave=False, file=sys.stderr, dynamic_ncols=True)

        def draw(done: int, expected: int) -> None:
            bar.total = expected
            bar.update(done - bar.n)

        self._draw, self.close = draw, bar.close


def _nothing() -> None:
    return None
