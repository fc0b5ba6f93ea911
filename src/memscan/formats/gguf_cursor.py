"""A place in the head of a GGUF file that moves forward only, and asks for the bytes behind it as they are needed.

The length of a GGUF header is written nowhere, so it is read in growing steps: a small one first, then as much as the reader
expects to need, and a share of what stands before it. No byte is asked for twice, and what is passed over is not asked for at
all unless it came with a step. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from struct import Struct

from memscan.errors import FormatError
from memscan.read import ByteRange, Read

MAX_HEADER = 100_000_000  # bytes; the longest known, of vocabularies of 260,000 tokens, have about 20 MB; as safetensors
FIRST_STEP = 100_000  # bytes; what the source reads ahead of any header, so that the first question costs one request
LATER_STEP = 1_000_000  # bytes; takes no longer than one more request does
SHARE = 8  # a step has at least this part of what stands before it, so that no header needs many
MAX_STEP = 8_000_000  # bytes; bounds what is held at once, and what is read in vain behind the header
PER_STRING = 18  # bytes; a token or merge of the usual vocabularies with its length: a guess until a thousand are seen
SEEN = 1_000  # strings after which their own mean is the better guess


class Cursor:
    """A place in the head of the file `path` of `size` bytes."""

    def __init__(self, path: str, size: int) -> None:
        self.path = path
        self.size = size
        self._limit = min(size, MAX_HEADER)
        self._data = b""  # the bytes at hand
        self._start = 0  # where in the file they start
        self._at = 0  # the place, counted from there; behind the bytes at hand after a skip

    @property
    def position(self) -> int:
        """The place, in bytes from the start of the file."""
        return self._start + self._at

    def take(self, nbytes: int, likely: int = 0) -> Read[bytes]:
        """The next `nbytes`; `likely` is how many the reader expects to need from here, these included."""
        stop = self._at + nbytes
        if nbytes and stop > len(self._data):
            yield from self._more(nbytes, likely)
            stop = nbytes
        taken = self._data[self._at : stop]
        self._at = stop
        return taken

    def skip(self, nbytes: int) -> None:
        """Pass over the next `nbytes`, at hand or not."""
        self.expect(nbytes)
        self._at += nbytes

    def skip_strings(self, count: int, length: Struct) -> Read[None]:
        """Pass over `count` strings, each behind its `length`."""
        began, left = self.position, count
        while left:
            left = self._skip_at_hand(left, length)
            self.expect(left * length.size)
            if left:
                seen = count - left
                each = max(PER_STRING, (self.position - began) // seen) if seen >= SEEN else PER_STRING
                yield from self._more(length.size, left * each * 9 // 8)  # an eighth more: later tokens are longer

    def expect(self, nbytes: int) -> None:
        """FormatError unless the header can go on for `nbytes` more."""
        stop = self.position + nbytes
        if stop > self.size:
            raise FormatError(
                f"{self.path}: the header goes on to byte {stop:,} at least, but the file has only {self.size:,};"
                " it is cut off or damaged"
            )
        if stop > self._limit:
            raise FormatError(
                f"{self.path}: the header goes on to byte {stop:,} at least, more than the {MAX_HEADER:,} that memscan reads"
            )

    def _skip_at_hand(self, left: int, length: Struct) -> int:
        """Pass over up to `left` strings whose lengths are at hand, and say how many are left: the loop that has to be fast."""
        data, at, prefix, unpack = self._data, self._at, length.size, length.unpack_from
        last = len(data) - prefix  # the last place where a whole length can stand
        while left and at <= last:
            at += prefix + unpack(data, at)[0]
            left -= 1
        self._at = at
        return left

    def _more(self, nbytes: int, likely: int) -> Read[None]:
        """Have the next `nbytes` at hand, and nothing before them."""
        self.expect(nbytes)
        kept = self._data[self._at :]
        start = self.position
        least = max(LATER_STEP, start // SHARE) if start + len(kept) else FIRST_STEP
        step = max(likely, len(kept) + least)
        stop = min(start + max(nbytes, min(step, MAX_STEP)), self._limit)
        self._data = b""  # not held twice while the rest is fetched
        rest = yield ByteRange(start + len(kept), stop - start - len(kept))
        self._data, self._start, self._at = kept + rest, start, 0
