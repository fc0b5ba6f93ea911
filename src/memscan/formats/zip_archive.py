"""The parts of a zip archive that say where its entries are: local headers, and the directory at its end.

Specification: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT; 4.3.7 local header, 4.3.12 directory, 4.3.14 to
4.3.16 its end, 4.5.3 the 64-bit fields.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import NoReturn

from memscan.document import shown
from memscan.errors import FormatError

LOCAL = Struct("<4sHHHHHIIIHH")
ENTRY = Struct("<4sHHHHHHIIIHHHHHII")
END = Struct("<4sHHHHIIH")
LOCATOR = Struct("<4sIQI")
END64 = Struct("<4sQHHIIQQQQ")
LOCAL_MAGIC, ENTRY_MAGIC, END_MAGIC, LOCATOR_MAGIC, END64_MAGIC = (
    b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06",
)  # fmt: skip
MASK_16, MASK = 0xFFFF, 0xFFFFFFFF  # the value of a field that stands in a 64-bit one instead
EXTRA_64 = 1
ENCRYPTED = 1  # bit of the flags
STORED = 0  # method


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive."""

    name: str
    method: int
    """0 is stored as it is."""
    encrypted: bool
    size: int
    """Bytes in the archive; 0 in a local header whose writer did not know yet."""
    start: int
    """Where its local header starts; of a local header, where the file's bytes start behind it."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the directory of all entries is."""

    start: int
    length: int
    entries: int


def local_entry(data: bytes, path: str, start: int) -> Entry | None:
    """The local header at the start of `data`, which stands at `start` in the file; None where `data` is too short."""
    if len(data) < LOCAL.size:
        return None
    magic, _, flags, method, _, _, _, size, _, name_length, extra_length = LOCAL.unpack_from(data)
    if magic != LOCAL_MAGIC:
        raise FormatError(f"{path}: byte {start:,} is not the start of a zip entry; the archive is damaged")
    length = LOCAL.size + name_length + extra_length
    if len(data) < length:
        return None
    name = data[LOCAL.size : LOCAL.size + name_length].decode("utf-8", "replace")
    return Entry(name, method, bool(flags & ENCRYPTED), size, start + length)


def directory(tail: bytes, path: str, start: int) -> Directory:
    """The end record in `tail`, the last bytes of the file, which stand at `start`."""
    at = tail.rfind(END_MAGIC, 0, len(tail) - END.size + len(END_MAGIC))
    if at < 0:
        raise FormatError(f"{path}: a zip archive without the directory at its end; the file is cut off")
    _, _, _, _, count, length, offset, _ = END.unpack_from(tail, at)
    if count == MASK_16 or MASK in (length, offset):
        count, length, offset = _end64(tail, at, path)
    stop = start + at
    if offset + length > stop:
        raise FormatError(f"{path}: its zip directory has bytes {offset:,} to {offset + length:,}, behind its own end record")
    return Directory(offset, length, count)


def _end64(tail: bytes, end: int, path: str) -> tuple[int, int, int]:
    at = end - LOCATOR.size - END64.size  # no writer puts anything between the three
    if at < 0 or tail[at : at + 4] != END64_MAGIC or tail[end - LOCATOR.size :][:4] != LOCATOR_MAGIC:
        raise FormatError(f"{path}: a zip archive of more than 32 bits without its 64-bit end record; it is damaged")
    _, _, _, _, _, _, _, count, length, offset = END64.unpack_from(tail, at)
    return count, length, offset


def entries(data: bytes, path: str, count: int) -> Iterator[Entry]:
    """The `count` entries of the directory that is `data`."""
    at = 0
    for _ in range(count):
        if len(data) - at < ENTRY.size or data[at : at + 4] != ENTRY_MAGIC:
            _damaged(path)
        fields = ENTRY.unpack_from(data, at)
        flags, method, packed, size, name_length, extra_length, comment_length, start = (
            fields[3], fields[4], fields[8], fields[9], fields[10], fields[11], fields[12], fields[16],
        )  # fmt: skip
        names = at + ENTRY.size
        extras = names + name_length
        at = extras + extra_length + comment_length
        if at > len(data):
            _damaged(path)
        name = data[names:extras].decode("utf-8", "replace")
        size, packed, start = _wide(data[extras : extras + extra_length], (size, packed, start), path, name)
        yield Entry(name, method, bool(flags & ENCRYPTED), packed, start)


def _wide(extra: bytes, narrow: tuple[int, int, int], path: str, name: str) -> list[int]:
    """Size, packed size and start; those that 32 bits cannot hold, from the extra field, where they stand in this order."""
    values = list(narrow)
    missing = [index for index, value in enumerate(values) if value == MASK]
    while missing and len(extra) >= 4:
        kind, length = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
        if kind == EXTRA_64 and length >= 8 * len(missing) and len(extra) >= 4 + length:
            for place, index in enumerate(missing):
                values[index] = int.from_bytes(extra[4 + 8 * place :][:8], "little")
            return values
        extra = extra[4 + length :]
    if missing:
        raise FormatError(f"{path}: the zip entry {shown(name)} has no 64-bit sizes; the archive is damaged")
    return values


def _damaged(path: str) -> NoReturn:
    raise FormatError(f"{path}: its zip directory ends early or is damaged")
