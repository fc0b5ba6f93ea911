"""The values in a GGUF header: integers, names and the metadata's typed values, in the byte order and version of the file.

Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#file-structure. What only a tokenizer needs is passed
over and not kept: of a long array or text there remains what it is and how long it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import TypeAlias

from memscan.document import shown
from memscan.errors import FormatError
from memscan.formats.gguf_cursor import Cursor
from memscan.read import Read

MAX_NAME = 65_535  # bytes; what the specification allows a key, and far above the 64 of a tensor's name
MAX_TEXT = 65_536  # bytes of a text that is kept; chat templates have up to 30,000, texts behind them are whole tokenizers
MAX_NUMBERS = 4_096  # numbers of an array that is kept: one for each layer, several times over
MAX_KEPT = 4_000_000  # bytes of texts and arrays kept from one file, so that many small ones cost no more than one large
MAX_STRINGS = 4_000_000  # strings in an array; the largest vocabularies have 262,144 tokens and 500,000 merges
MAX_DEPTH = 4  # arrays in arrays; no writer nests any, the reference reader of llama.cpp refuses them
MAX_ARRAYS = 10_000  # arrays in arrays in one file


class ValueType(IntEnum):
    """`enum gguf_metadata_value_type`."""

    UINT8 = 0
    INT8 = 1
    UINT16 = 2
    INT16 = 3
    UINT32 = 4
    INT32 = 5
    FLOAT32 = 6
    BOOL = 7
    STRING = 8
    ARRAY = 9
    UINT64 = 10
    INT64 = 11
    FLOAT64 = 12


FORMATS: Mapping[ValueType, str] = {
    ValueType.UINT8: "B",
    ValueType.INT8: "b",
    ValueType.UINT16: "H",
    ValueType.INT16: "h",
    ValueType.UINT32: "I",
    ValueType.INT32: "i",
    ValueType.FLOAT32: "f",
    ValueType.BOOL: "?",
    ValueType.UINT64: "Q",
    ValueType.INT64: "q",
    ValueType.FLOAT64: "d",
}
"""How `struct` spells the types of a fixed size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LongArray:
    """An array that was passed over, as those of tokenizers are."""

    items: str
    """The type of its items, as the specification names it, in lower case."""
    length: int
    """How many items it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LongText:
    """A text that was passed over."""

    nbytes: int


Value: TypeAlias = bool | int | float | str | tuple[bool | int | float, ...] | LongArray | LongText
"""A metadata value: a scalar, a short array of numbers, or what remains of something long."""


class Values:
    """Reads what stands at `cursor`; `order` is `<` or `>`, as `struct` spells it."""

    def __init__(self, cursor: Cursor, *, order: str, version: int) -> None:
        self.cursor = cursor
        self.order = order
        self.count_format = "I" if version == 1 else "Q"
        """How `struct` spells counts, lengths and dimensions; they have 32 bits in version 1."""
        self._word = Struct(f"{order}I")
        self._count = Struct(f"{order}{self.count_format}")
        self._kept = 0
        self._arrays = 0

    def word(self) -> Read[int]:
        """An unsigned integer of 32 bits: a type, a number of dimensions."""
        number: int = self._word.unpack((yield from self.cursor.take(4)))[0]
        return number

    def count(self) -> Read[int]:
        """A count or a length."""
        number: int = self._count.unpack((yield from self.cursor.take(self._count.size)))[0]
        return number

    def name(self, what: str, likely: int = 0) -> Read[str]:
        """A key or the name of a tensor, which `what` says in a message; `likely` as for `Cursor.take`."""
        (length,) = self._count.unpack((yield from self.cursor.take(self._count.size, likely)))
        if length > MAX_NAME:
            raise FormatError(f"{self.cursor.path}: the name of {what} has {length:,} bytes, more than the {MAX_NAME:,} allowed")
        raw = yield from self.cursor.take(length)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(f"{self.cursor.path}: the name of {what}, {shown(raw)}, is not UTF-8") from error

    def value(self, key: str) -> Read[Value]:
        """The typed value of `key`."""
        kind = yield from self._type(key)
        if kind is ValueType.ARRAY:
            return (yield from self._array(key, 1))
        if kind is ValueType.STRING:
            return (yield from self._text())
        scalar = Struct(self.order + FORMATS[kind])
        value: bool | int | float = scalar.unpack((yield from self.cursor.take(scalar.size)))[0]
        return value

    def _type(self, key: str) -> Read[ValueType]:
        number = yield from self.word()
        try:
            return ValueType(number)
        except ValueError:
            raise FormatError(
                f"{self.cursor.path}: the value of {shown(key)} has type {number:,}, expected 0 to {max(ValueType)}"
            ) from None

    def _text(self) -> Read[str | LongText]:
        length = yield from self.count()
        if length > MAX_TEXT or not self._keep(length):
            self.cursor.skip(length)
            return LongText(nbytes=length)
        # Not strict, unlike a name: a description in Latin-1 says nothing about the tensors.
        return (yield from self.cursor.take(length)).decode("utf-8", errors="replace")

    def _array(self, key: str, depth: int) -> Read[tuple[bool | int | float, ...] | LongArray]:
        items = yield from self._type(key)
        length = yield from self.count()
        if items is ValueType.ARRAY:
            yield from self._nested(key, length, depth)
        elif items is ValueType.STRING:
            yield from self._strings(key, length)
        else:
            numbers = FORMATS[items]
            nbytes = length * Struct(self.order + numbers).size
            if length <= MAX_NUMBERS and self._keep(nbytes):
                return Struct(f"{self.order}{length}{numbers}").unpack((yield from self.cursor.take(nbytes)))
            self.cursor.skip(nbytes)
        return LongArray(items=items.name.lower(), length=length)

    def _strings(self, key: str, length: int) -> Read[None]:
        if length > MAX_STRINGS:
            raise FormatError(
                f"{self.cursor.path}: {shown(key)} has {length:,} strings, more than the {MAX_STRINGS:,} that memscan reads"
            )
        self.cursor.expect(length * self._count.size)
        yield from self.cursor.skip_strings(length, self._count)

    def _nested(self, key: str, length: int, depth: int) -> Read[None]:
        self._arrays += length
        if depth >= MAX_DEPTH or self._arrays > MAX_ARRAYS:
            raise FormatError(
                f"{self.cursor.path}: {shown(key)} nests arrays deeper than {MAX_DEPTH} or has more than {MAX_ARRAYS:,} of them"
            )
        for _ in range(length):
            yield from self._array(key, depth + 1)

    def _keep(self, nbytes: int) -> bool:
        if self._kept + nbytes > MAX_KEPT:
            return False
        self._kept += nbytes
        return True
