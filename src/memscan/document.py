"""JSON from strangers: decoded under limits, and read through getters that say where a value was wrong.

Specification: https://www.rfc-editor.org/rfc/rfc8259. Headers are decoded strictly (no duplicate keys, no NaN), as the
reference parsers of the formats do; `config.json` is decoded the way Python's own `json` reads it, because real ones hold
`Infinity` and are loaded so by transformers.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NoReturn

from memscan.errors import FormatError
from memscan.printable import safe

SHOWN = 60  # characters of a stranger's value in a message: enough to recognise it, too few to flood a terminal


def decode(raw: bytes | str, what: str, *, strict: bool = True) -> object:
    """The JSON value in `raw`; `what` names it in the FormatError that anything else raises."""
    text = raw if isinstance(raw, str) else text_of(raw, what)
    if not strict:
        with _refusing(what):
            return json.loads(text)
    with suppress(ValueError, RecursionError):  # the slower decoder says what is wrong
        value, end = _FAST.raw_decode(text, _space(text, 0))
        if _space(text, end) == len(text) and _is_plain(value, text, 0, end):
            return value
        del value
    return _slowly(text, what)


def text_of(raw: bytes, what: str) -> str:
    """`raw` as text; FormatError where it is not UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{what} is not UTF-8 at byte {error.start:,}") from error


def decode_at(text: str, at: int, what: str) -> tuple[object, int]:
    """The JSON value that starts at `at`, decoded strictly, and where it ends.

    A large document takes the memory of its largest part, and half the time, where its parts are decoded one by one.
    """
    with _refusing(what):
        value, end = _FAST.raw_decode(text, at)
    return (value, end) if _is_plain(value, text, at, end) else (_slowly(text[at:end], what), end)


def walk(text: str, at: int, what: str, member: Callable[[str, int], int]) -> int:
    """Where the object ends that starts at `at`; `member` is told each key and where its value starts, and says where that ends.

    FormatError where there is no object, or a key stands twice.
    """
    at = _behind("{", text, at, what)
    if text[at : at + 1] == "}":
        return at + 1
    seen: set[str] = set()
    while True:
        key, at = decode_at(text, at, what)
        if not isinstance(key, str):
            raise FormatError(f"{what} is not JSON: {shown(key)} stands where a key does")
        if key in seen:
            raise FormatError(f"{what}: the key {shown(key)} stands twice")
        seen.add(key)
        at = _space(text, member(key, _behind(":", text, at, what)))
        if text[at : at + 1] == "}":
            return at + 1
        at = _behind(",", text, at, what)


def _behind(mark: str, text: str, at: int, what: str) -> int:
    """Where the next word starts behind `mark`, which has to be the next one."""
    at = _space(text, at)
    if text[at : at + 1] != mark:
        raise FormatError(f"{what} is not JSON: expected {mark} at character {at:,}, found {shown(text[at : at + 10])}")
    return _space(text, at + 1)


def _space(text: str, at: int) -> int:
    """The first character from `at` on that is no space between words."""
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """What the decoder says of a stranger's text, as a FormatError."""
    try:
        yield
    except _RefusedError as error:
        raise FormatError(f"{what}: {error}") from error
    except RecursionError as error:
        raise FormatError(f"{what} is nested too deeply to be read") from error
    except ValueError as error:
        reason = "a number of thousands of digits" if "digits" in str(error) else error
        raise FormatError(f"{what} is not JSON: {reason}") from error


def _is_plain(value: object, text: str, start: int, end: int) -> bool:
    """Whether `value`, decoded quickly from that part of `text`, is what the slower decoder gives.

    Each pair of an object has a colon of its own: where there are no more colons than pairs in the value, no key stood twice.
    """
    if text.find("\\", start, end) >= 0 or _NEGATIVE.search(text, start, end):
        return False
    left, pairs = text.count("{", start, end), text.count(":", start, end)
    level = [value]
    while level:  # objects in lists are not counted, which is on the safe side
        objects = [one for one in level if type(one) is dict]
        pairs -= sum(map(len, objects))
        left -= len(objects)
        level = [one for each in objects for one in each.values()] if left > 0 else []
    return pairs == 0


def _slowly(text: str, what: str) -> object:
    """The strict decoding of `text`, pair by pair."""
    with _refusing(what):
        # serde reads -0 as a float, Python as the integer 0: keep the reference's word.
        parse_int = _integer if _NEGATIVE.search(text) else None
        value: object = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant, parse_int=parse_int)
    if _SURROGATE.search(text):
        _refuse_lone_surrogates(value, what)
    return value


class _RefusedError(ValueError):
    """Valid JSON for Python that the formats' reference parsers refuse."""


_SPACE = re.compile(r"[ \t\n\r]*")
_NEGATIVE = re.compile(r"-0(?<=[\[,:\s]-0)")  # the literal first: it is searched ten times as fast
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_HALF = re.compile("[\ud800-\udfff]")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _RefusedError(f"the key {shown(key)} stands twice")
            seen.add(key)
    return value


def _constant(word: str) -> NoReturn:
    raise _RefusedError(f"{word} is not a JSON number")


def _integer(digits: str) -> object:
    return -0.0 if digits == "-0" else int(digits)


_FAST = json.JSONDecoder(parse_constant=_constant)


def _refuse_lone_surrogates(value: object, what: str) -> None:
    for text in _strings(value):
        if _HALF.search(text):
            raise FormatError(f"{what} holds half of a surrogate pair in {shown(text)}")


def _strings(value: object) -> Iterator[str]:
    # A stack of its own: Python's decoder nests deeper than Python's functions do.
    values = [value]
    while values:
        last = values.pop()
        if isinstance(last, str):
            yield last
        elif isinstance(last, dict):
            yield from last
            values.extend(last.values())
        elif isinstance(last, list):
            values.extend(last)


def shown(value: object) -> str:
    """A stranger's value for a message: one line, printable, short."""
    text = safe(repr(value))
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object with the path by which it was reached; every getter names that path when the type is wrong."""

    path: str
    values: Mapping[str, object]

    @classmethod
    def parse(cls, raw: bytes | str, path: str, *, strict: bool = True) -> "Document":
        """The JSON object in `raw`; FormatError where it is not one."""
        value = decode(raw, path, strict=strict)
        if not isinstance(value, dict):
            raise FormatError(f"{path} is {_kind(value)}, expected a JSON object")
        return cls(path, value)

    @classmethod
    def of_list(cls, raw: bytes, path: str) -> "tuple[Document, ...]":
        """The JSON list of objects in `raw`; FormatError where it is none."""
        value = decode(raw, path, strict=False)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise FormatError(f"{path} is {_kind(value)}, expected a list of JSON objects")
        return tuple(cls(f"{path}[{index}]", item) for index, item in enumerate(value))

    def text(self, key: str) -> str | None:
        """A string, or None where absent or null."""
        value = self.values.get(key)
        if value is None or isinstance(value, str):
            return value
        return self._wrong(key, value, "a string")

    def integer(self, key: str) -> int | None:
        """An integer, or None where absent or null; a boolean is not one."""
        value = self.values.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        return self._wrong(key, value, "an integer")

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings; empty where absent or null."""
        value = self.values.get(key)
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        return self._wrong(key, value, "a list of strings")

    def child(self, key: str) -> "Document | None":
        """An object, or None where absent or null."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, dict):
            return Document(f"{self.path}: {key}", value)
        return self._wrong(key, value, "an object")

    def children(self, key: str) -> "tuple[Document, ...]":
        """A list of objects; empty where absent or null."""
        value = self.values.get(key)
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return tuple(Document(f"{self.path}: {key}[{index}]", item) for index, item in enumerate(value))
        return self._wrong(key, value, "a list of objects")

    def _wrong(self, key: str, value: object, expected: str) -> NoReturn:
        raise FormatError(f"{self.path}: {shown(key)} is {_kind(value)} ({shown(value)}), expected {expected}")


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "an integer", float: "a number"}
    return names.get(type(value), "null")
