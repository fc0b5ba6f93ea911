"""The opcodes that write numbers, strings and bytes: in lines of text in protocol 0, in bytes since.

Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py (`ArgumentDescriptor`).
"""

import codecs
from collections.abc import Callable
from contextlib import suppress
from struct import Struct

from memscan.formats.pickle.base import Omitted
from memscan.formats.pickle.limits import MAX_INTEGER
from memscan.formats.pickle.machine import Handler, Machine

DOUBLE = Struct(">d")


def _constant(value: object) -> Handler:
    return lambda machine: machine.push(value)


def _binfloat(machine: Machine) -> None:
    (value,) = DOUBLE.unpack(machine.take(8))
    machine.push(value)


def _float_line(machine: Machine) -> None:
    line = machine.line()
    try:
        machine.push(float(line))
    except ValueError:
        machine.refuse("has a line that is no number where one should stand; it is damaged")


def _integer_line(machine: Machine) -> None:
    line = machine.line()
    # How protocol 0 writes False and True.
    machine.push(line == b"01" if line in (b"00", b"01") else digits(machine, line))


def _long_line(machine: Machine) -> None:
    machine.push(digits(machine, machine.line().removesuffix(b"L")))


def digits(machine: Machine, line: bytes) -> int:
    """The integer that a line spells."""
    with suppress(ValueError):  # refused below, as a line that is too long is
        if len(line) <= MAX_INTEGER:
            return int(line)
    return machine.refuse("has a line that is no integer where one should stand; it is damaged")


def _number_of(width: int) -> Handler:
    return lambda machine: machine.push(machine.number(width))


def _signed(machine: Machine) -> None:
    machine.push(int.from_bytes(machine.take(4), "little", signed=True))


def _long_of(width: int) -> Handler:
    def read(machine: Machine) -> None:
        length = machine.number(width)
        if length > MAX_INTEGER:
            machine.refuse(f"says that an integer has {length:,} bytes, more than the {MAX_INTEGER:,} that memscan reads")
        machine.push(int.from_bytes(machine.take(length), "little", signed=True), 32 + 2 * length)

    return read


def _string_line(machine: Machine) -> None:
    line = machine.line()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in b"'\"":
        machine.refuse("has a string without its quotes; it is damaged")
    try:
        machine.push(_native(codecs.escape_decode(line[1:-1])[0]), 64 + 4 * len(line))
    except ValueError:
        machine.refuse("has a string with a broken escape; it is damaged")


def _text_line(machine: Machine) -> None:
    line = machine.line()
    try:
        machine.push(line.decode("raw-unicode-escape"), 64 + 4 * len(line))
    except UnicodeDecodeError:
        machine.refuse("has a string with a broken escape; it is damaged")


def _payload_of(width: int, decode: Callable[[bytes], object]) -> Handler:
    def read(machine: Machine) -> None:
        raw = machine.payload(width)
        try:
            machine.push(raw if isinstance(raw, Omitted) else decode(raw))
        except UnicodeDecodeError:
            machine.refuse("has a string that is not UTF-8; it is damaged")

    return read


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")


def _native(raw: bytes) -> str | bytes:
    """A string of Python 2, which held text and bytes alike."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


LITERALS: dict[bytes, Handler] = {
    b"N": _constant(None),
    b"\x88": _constant(True),
    b"\x89": _constant(False),
    b"F": _float_line,
    b"G": _binfloat,
    b"I": _integer_line,
    b"J": _signed,
    b"K": lambda machine: machine.push(machine.byte()),
    b"M": _number_of(2),
    b"L": _long_line,
    b"\x8a": _long_of(1),
    b"\x8b": _long_of(4),
    b"S": _string_line,
    b"T": _payload_of(4, _native),
    b"U": _payload_of(1, _native),
    b"V": _text_line,
    b"\x8c": _payload_of(1, _text),
    b"X": _payload_of(4, _text),
    b"\x8d": _payload_of(8, _text),
    b"C": _payload_of(1, bytes),
    b"B": _payload_of(4, bytes),
    b"\x8e": _payload_of(8, bytes),
    b"\x96": _payload_of(8, bytes),
}
"""What each of them does, by its byte."""
