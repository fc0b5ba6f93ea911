"""Processor time counted in runs of a fixed loop, at the same time and place: a slow or a busy machine slows both."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

ROUNDS = 500_000  # a hundredth of a second or so


@dataclass(slots=True)
class Effort:
    """What a block took, once it is over."""

    loops: float = 0.0


@contextmanager
def effort() -> Iterator[Effort]:
    """Measure the block."""
    found = Effort()
    before = _loop()
    started = time.process_time()
    yield found
    spent = time.process_time() - started
    found.loops = 2 * spent / (before + _loop())


def _loop() -> float:
    started = time.process_time()
    total = 0
    for number in range(ROUNDS):
        total += number & 7
    return time.process_time() - started
