"""One pickle, fetched as far as it is needed: what is missing is asked for until STOP has been read."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from memscan.errors import FormatError
from memscan.formats.pickle.base import Global
from memscan.formats.pickle.machine import Machine
from memscan.formats.pickle.opcodes import HANDLERS
from memscan.read import ByteRange, Read

# Each further request fetches this many times what is at hand: a table of 100 kB more costs one, of 10 MB three.
GROWTH = 4
LEAST = 65_536  # bytes of one request; less would only cost more of them
MOST = 16 * 2**20  # bytes of one request, so that a stranger's file cannot make memscan hold more
MAX_FETCHED = 64 * 2**20  # bytes of one pickle; a table of 100,000 tensors has about 20 MB


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes at hand: `data`, which stands at `start` in the file."""

    start: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Names:
    """What a pickle may name: the globals that are read, and how its persistent ids are."""

    allows: Callable[[Global], bool]
    persistent: Callable[[object], Hashable]


def read_pickle(path: str, at_hand: Bytes, stop: int, names: Names) -> Read[tuple[object, Bytes]]:
    """The value of the pickle that starts where `at_hand` does and ends before `stop`, and the bytes behind it."""
    machine = Machine(path, stop - at_hand.start, names.allows, names.persistent)
    start, data, fetched = at_hand.start, at_hand.data, len(at_hand.data)
    while True:
        done = machine.run(data, HANDLERS)
        start, data = start + done, data[done:]
        if machine.finished:
            return machine.value, Bytes(start, data)
        missing = ByteRange(start + len(data), min(max(LEAST, (GROWTH - 1) * fetched), MOST, stop - start - len(data)))
        if missing.length <= 0:
            raise FormatError(f"{path}: its pickle ends at byte {stop:,} without its end mark; the file is cut off or damaged")
        fetched += missing.length
        if fetched > MAX_FETCHED:
            raise FormatError(f"{path}: its pickle is longer than {MAX_FETCHED:,} bytes, far more than a table of tensors needs")
        data += yield missing
