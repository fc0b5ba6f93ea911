"""Readers driven by hand, so that every question they ask is seen."""

from memscan.formats import Header
from memscan.formats.safetensors import Safetensors
from memscan.read import ByteRange

PATH = "model.safetensors"


def read(raw: bytes, size: int | None = None) -> Header:
    """The header of a file that starts with `raw` and has `size` bytes."""
    return asked(raw, size)[0]


def asked(raw: bytes, size: int | None = None) -> tuple[Header, list[ByteRange]]:
    """The header, and the ranges that were asked for it."""
    ranges: list[ByteRange] = []
    header = _drive(raw, len(raw) if size is None else size, ranges)
    return header, ranges


def _drive(raw: bytes, size: int, ranges: list[ByteRange]) -> Header:
    reading = Safetensors().read_header(PATH, size)
    try:
        wanted = next(reading)
        while True:
            ranges.append(wanted)
            if not 0 <= wanted.start <= wanted.stop <= size:
                raise AssertionError(f"{wanted} is outside a file of {size} bytes")
            if wanted.length > 100_000_000:
                raise AssertionError(f"{wanted} is longer than any header may be")
            wanted = reading.send(raw[wanted.start : wanted.stop])
    except StopIteration as done:
        header: Header = done.value
        return header
