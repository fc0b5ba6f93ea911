"""The container of a snapshot: a manifest in JSON and blobs, each compressed by itself, under one checksum.

    offset  bytes
         0     12  magic, which a transfer as text would break (as that of PNG, https://www.w3.org/TR/png-3/#3PNGsignature)
        12      4  version of this layout, little-endian as all numbers here
        16      8  bytes of the manifest as it stands here, compressed
        24      8  bytes of the manifest
        32     32  SHA-256 of the 32 bytes before it and of all that follows it
        64         the manifest (zlib, https://www.rfc-editor.org/rfc/rfc1950), then the blobs (zlib), without gaps

The manifest is a JSON object; its key `blobs` lists `[bytes here, bytes]` of each blob, in order. A reader is told by the
checksum that a file was damaged, not that it is to be trusted: every number in it is a stranger's and has a bound.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from struct import Struct

from memscan.document import Document, shown
from memscan.errors import FormatError

MAGIC = b"\x89memscan\r\n\x1a\n"
VERSION = 1
HEAD = Struct("<12sIQQ")
DIGEST = hashlib.sha256().digest_size
START = HEAD.size + DIGEST
MAX_ARCHIVE = 200_000_000  # bytes of a file; the headers of the largest models have 85 MB before they are compressed
MAX_MANIFEST = 20_000_000  # bytes; the listing of some 400,000 files
MAX_BLOB = 250_000_000  # bytes; what memscan reads of an index at most, of a header less
MAX_BLOBS = 200_000
LEVEL = 9  # zlib's best: a snapshot is written once and read often
BLOBS = "blobs"


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that are still compressed."""

    start: int
    """In the archive."""
    packed: int
    """Bytes in the archive."""
    nbytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An archive whose checksum and manifest are right; no blob of it is unpacked yet."""

    name: str
    """The file, for messages."""
    raw: bytes
    manifest: Document
    blobs: tuple[Blob, ...]

    def blob(self, number: int) -> bytes:
        """The bytes of one blob; FormatError where they are not what the manifest says."""
        blob = self.blobs[number]
        packed = memoryview(self.raw)[blob.start : blob.start + blob.packed]
        return _unpacked(packed, blob.nbytes, f"{self.name}: blob {number:,}")


def pack(manifest: Mapping[str, object], blobs: Sequence[bytes]) -> bytes:
    """The archive; the same bytes for the same values, as long as zlib is the same."""
    packed = [zlib.compress(blob, LEVEL) for blob in blobs]
    sizes = [[len(small), len(blob)] for small, blob in zip(packed, blobs, strict=True)]
    text = json.dumps({BLOBS: sizes, **manifest}, separators=(",", ":")).encode("ascii")
    small = zlib.compress(text, LEVEL)
    head, rest = HEAD.pack(MAGIC, VERSION, len(small), len(text)), b"".join((small, *packed))
    return b"".join((head, hashlib.sha256(head + rest).digest(), rest))


def unpack(raw: bytes, name: str) -> Archive:
    """The archive in `raw`; FormatError, which calls it `name`, where it is none, or is damaged, or asks for too much."""
    if not raw.startswith(MAGIC):
        raise FormatError(f"{name} is no snapshot of memscan: it starts with {shown(raw[: len(MAGIC)])}, expected {MAGIC!r}")
    if len(raw) > MAX_ARCHIVE:
        raise FormatError(f"{name} has {len(raw):,} bytes, more than the {MAX_ARCHIVE:,} that memscan reads of a snapshot")
    if len(raw) < START:
        raise FormatError(f"{name} is cut off: {len(raw):,} bytes, and a snapshot starts with {START}")
    _, version, packed, nbytes = HEAD.unpack_from(raw)
    if version != VERSION:
        raise FormatError(f"{name} is a snapshot of version {version:,}, and this memscan reads {VERSION}; take it again")
    if START + packed > len(raw):
        raise FormatError(f"{name} is cut off: {len(raw):,} bytes, of which its manifest alone needs {START + packed:,}")
    digest = hashlib.sha256(memoryview(raw)[: HEAD.size])
    digest.update(memoryview(raw)[START:])
    if digest.digest() != raw[HEAD.size : START]:
        raise FormatError(f"{name} is damaged or cut off: its checksum is not that of its bytes; take it again")
    if nbytes > MAX_MANIFEST:
        raise FormatError(f"{name}: the manifest has {nbytes:,} bytes, more than the {MAX_MANIFEST:,} that memscan reads")
    text = _unpacked(memoryview(raw)[START : START + packed], nbytes, f"{name}: the manifest")
    # Not strict: a folder's name that is no UTF-8 holds half of a surrogate pair in Python.
    manifest = Document.parse(text, f"{name}: the manifest", strict=False)
    return Archive(name=name, raw=raw, manifest=manifest, blobs=_blobs(manifest, START + packed, len(raw)))


def _blobs(manifest: Document, start: int, stop: int) -> tuple[Blob, ...]:
    """The blobs that `manifest` lists, which have to fill the file from `start` to `stop`."""
    sizes = manifest.values.get(BLOBS)
    if not isinstance(sizes, list) or len(sizes) > MAX_BLOBS:
        raise FormatError(f"{manifest.path}: {BLOBS!r} is no list of at most {MAX_BLOBS:,} sizes")
    blobs = []
    for entry in sizes:
        match entry:
            case [int() as packed, int() as nbytes] if 0 <= packed <= stop - start and 0 <= nbytes <= MAX_BLOB:
                blobs.append(Blob(start, packed, nbytes))
                start += packed
            case _:
                raise FormatError(f"{manifest.path}: a blob has the sizes {shown(entry)}, which cannot be")
    if start != stop:
        raise FormatError(f"{manifest.path}: the blobs end at byte {start:,} of {stop:,}")
    return tuple(blobs)


def _unpacked(packed: memoryview, nbytes: int, what: str) -> bytes:
    """The `nbytes` bytes in `packed`; no more than one byte beyond them is ever made."""
    machine = zlib.decompressobj()
    try:
        data = machine.decompress(packed, nbytes + 1)
    except zlib.error as error:
        raise FormatError(f"{what} is not compressed as zlib does: {error}") from error
    if len(data) != nbytes or not machine.eof or machine.unused_data:
        raise FormatError(f"{what} does not have the {nbytes:,} bytes that are promised")
    return data
