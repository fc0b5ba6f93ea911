"""The blobs of a snapshot while it is written: what several pieces have in common is kept once, what says nothing not at all.

The GGUF files of a repository repeat one tokenizer of megabytes, each at another place. And what is read behind a header,
because nobody knows where it ends, are bytes of tensors: no compressor makes them smaller, and nothing depends on them.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence

from memscan.source.record import Extent

LARGE = 500_000  # bytes; in smaller pieces nothing is looked for, for they are of different kinds
LEAST = 16_384  # bytes in common that are worth a reference
PROBE = 64  # bytes that are looked for
STEP = 65_536  # bytes from one probe to the next
REFERENCES = 8  # blobs that are looked into
PAGE = 4_096  # bytes that are compressed, to see whether they are of a tensor
RATIO = 0.75  # compressed to more than this part: text and tables are below, floating point and quants above
LEAST_PAGES = 4  # in a row; the first and the last are kept, for a header may end inside


class Blobs:
    """Takes pieces of files, and gives the extents that they are made of."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._large: list[bytes] = []

    @property
    def contents(self) -> Sequence[bytes]:
        """The blobs, by number."""
        return tuple(self._numbers)

    def add(self, data: bytes, *, hollow: bool) -> tuple[Extent, ...]:
        """The extents of `data`; where it is to be `hollow`, with holes for what seems to be of tensors."""
        found: list[Extent] = []
        position = 0
        for start, length in _noise(data) if hollow else ():
            found.extend(self._kept(data[position:start]))
            found.append(Extent(None, 0, length))
            position = start + length
        return (*found, *self._kept(data[position:]))

    def _kept(self, data: bytes) -> Iterator[Extent]:
        """The extents of `data`: what is in a large blob already, and between that blobs of its own."""
        position = 0
        for start, blob, begin, length in self._matches(data) if len(data) >= LARGE else ():
            yield from self._own(data[position:start])
            yield Extent(self._numbers[blob], begin, length)
            position = start + length
        yield from self._own(data[position:])

    def _own(self, data: bytes) -> Iterator[Extent]:
        if not data:
            return
        if data not in self._numbers:
            self._numbers[data] = len(self._numbers)
            if len(data) >= LARGE and len(self._large) < REFERENCES:
                self._large.append(data)
        yield Extent(self._numbers[data], 0, len(data))

    def _matches(self, data: bytes) -> Iterator[tuple[int, bytes, int, int]]:
        """Stretches of `data` that large blobs hold: where in `data`, which blob, where in that, how long."""
        large = tuple(self._large)
        stop, position = 0, 0
        while position + PROBE <= len(data):
            probe = data[position : position + PROBE]
            for blob in large:
                at = blob.find(probe)
                if at < 0:
                    continue
                back = _alike_before(data, position, blob, at, position - stop)
                length = back + _alike(data, position, blob, at)
                if length >= LEAST:
                    yield position - back, blob, at - back, length
                    stop = position = position - back + length
                    break
            else:
                position += STEP


def _alike(one: bytes, start: int, other: bytes, begin: int) -> int:
    """How many bytes of `one` from `start` are those of `other` from `begin`."""
    most = min(len(one) - start, len(other) - begin)
    return _longest(most, lambda length: one[start : start + length] == other[begin : begin + length])


def _alike_before(one: bytes, stop: int, other: bytes, end: int, most: int) -> int:
    """How many bytes of `one` before `stop` are those of `other` before `end`, `most` at most."""
    return _longest(min(most, end), lambda length: one[stop - length : stop] == other[end - length : end])


def _longest(most: int, holds: Callable[[int], bool]) -> int:
    """The largest length up to `most` that `holds`, where each shorter one does: with every step twice as far, then half."""
    good, step = 0, LEAST
    while good < most and holds(min(good + step, most)):
        good = min(good + step, most)
        step *= 2
    bad = min(good + step, most + 1)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good


def _noise(data: bytes) -> Iterator[tuple[int, int]]:
    """Stretches of `data` that do not compress: where they start, how long they are; what is at their ends left out."""
    first: int | None = None
    for start in range(0, len(data) + PAGE, PAGE):
        page = data[start : start + PAGE]
        dense = len(page) == PAGE and len(zlib.compress(page, 1)) > RATIO * PAGE
        if dense and first is None:
            first = start
        elif not dense and first is not None:
            if start - first >= LEAST_PAGES * PAGE:
                yield first + PAGE, start - first - 2 * PAGE
            first = None
