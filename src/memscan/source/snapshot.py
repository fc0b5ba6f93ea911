"""A snapshot: what was read of a model, in one file that is a target itself. Nothing is asked of a network or of other files.

What is in one and how it is made: docs/snapshots.md. The file: `memscan.source.archive`, `memscan.source.record_json`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from memscan.document import shown
from memscan.errors import FormatError, TargetError
from memscan.read import ByteRange
from memscan.source.archive import MAX_ARCHIVE, Archive, pack, unpack
from memscan.source.base import Listing, Place
from memscan.source.record import Extent, Piece, Record
from memscan.source.record_json import from_json, to_json

MAX_RECORDS = 16  # the target, and the base models of adapters of adapters
MAX_HELD = 150_000_000  # bytes of blobs that are held at once, the one at hand apart; the largest header has 100,000,000
MAX_WORK = 1_000_000_000  # bytes that are unpacked for one record: twice what memscan reads of any model
RECORDS = "records"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A snapshot that was opened; its blobs are unpacked one by one, when they are asked for."""

    name: str
    """The file, for messages."""
    archive: Archive
    record: Record
    """What was read of the target itself."""
    listing: Listing
    """The listing of that."""
    bases: tuple[Record, ...]
    """What was read of base models."""

    def find(self, place: Place, requested: str, revision: str | None) -> Record | None:
        """What was read of the target that is asked for so."""
        wanted = (place, requested, revision)
        return next((record for record in (self.record, *self.bases) if record.key == wanted), None)


def write_snapshot(records: Sequence[Record], blobs: Sequence[bytes]) -> bytes:
    """The file; the same bytes for the same values."""
    return pack({RECORDS: [to_json(record) for record in records]}, blobs)


def parse_snapshot(raw: bytes, name: str) -> Snapshot:
    """The snapshot in `raw`; FormatError, which calls it `name`, for anything else."""
    archive = unpack(raw, name)
    documents = archive.manifest.children(RECORDS)
    if not 0 < len(documents) <= MAX_RECORDS:
        raise FormatError(f"{name}: the manifest has {len(documents):,} records, expected 1 to {MAX_RECORDS}")
    sizes = [blob.nbytes for blob in archive.blobs]
    records = tuple(from_json(document, sizes) for document in documents)
    if len({record.key for record in records}) != len(records):
        raise FormatError(f"{name}: the manifest has two records of one target")
    record, *bases = records
    if record.listing is None:
        raise FormatError(f"{name}: the manifest says that its own target could not be read")
    return Snapshot(name=name, archive=archive, record=record, listing=record.listing, bases=tuple(bases))


def read_snapshot(path: Path, name: str) -> Snapshot:
    """The snapshot in the file at `path`; TargetError where it cannot be read, FormatError where it is none."""
    try:
        size = path.stat().st_size
        if size > MAX_ARCHIVE:
            raise FormatError(f"{name} has {size:,} bytes, more than the {MAX_ARCHIVE:,} that memscan reads of a snapshot")
        with path.open("rb") as file:
            raw = file.read(size)
    except OSError as error:
        raise TargetError(f"cannot read {name}: {error.strerror or error}") from error
    return parse_snapshot(raw, name)


def open_record(snapshot: Snapshot, place: Place, requested: str, revision: str | None) -> "SnapshotSource":
    """The source for what was read of a target; TargetError where the snapshot has nothing of it."""
    record = snapshot.find(place, requested, revision)
    if record is None:
        raise TargetError(f"{snapshot.name} holds nothing of {shown(requested)}; take the snapshot again")
    return SnapshotSource(snapshot, record)


class SnapshotSource:
    """Gives what one record of a snapshot holds, and nothing else."""

    def __init__(self, snapshot: Snapshot, record: Record) -> None:
        self._snapshot = snapshot
        self._record = record
        self._unpacked: dict[int, bytes] = {}
        self._held = self._work = 0

    async def listing(self) -> Listing:
        """The listing that was kept, or the error that came in its place."""
        if self._record.listing is None:
            raise self._record.failure or TargetError(f"{self._snapshot.name} holds nothing of it")
        return self._record.listing

    async def fetch(self, path: str, wanted: ByteRange) -> bytes:
        """The bytes that were kept; TargetError where they were not asked for when the snapshot was taken."""
        if wanted.length == 0:
            return b""
        for piece in self._record.pieces.get(path, ()):
            if piece.start <= wanted.start and wanted.stop <= piece.stop:
                return self._cut(piece, wanted.start - piece.start, wanted.length)
        raise TargetError(
            f"{self._snapshot.name} holds no bytes {wanted.start:,} to {wanted.stop:,} of {shown(path)}; take the snapshot"
            " again, with the options that choose this file (--file, --subfolder, --variant, --mmproj)"
        )

    async def read(self, path: str, limit: int) -> bytes:
        """The whole file, if it is not larger than `limit`."""
        size = (await self.listing()).files[path]
        if size > limit:
            raise FormatError(f"{path} has {size:,} bytes, more than the {limit:,} that memscan reads of such a file")
        return await self.fetch(path, ByteRange(0, size))

    async def bundle(self, index: str) -> bytes | None:
        """None: the headers themselves were kept."""
        return None

    async def conversion(self) -> str | None:
        """What the Hub said when the snapshot was taken."""
        return self._record.conversion

    def _cut(self, piece: Piece, start: int, length: int) -> bytes:
        """`length` bytes of `piece` from `start`; only what is asked for is ever made."""
        found = []
        for extent in piece.extents:
            if length == 0:
                break
            if start >= extent.length:
                start -= extent.length
                continue
            taken = min(length, extent.length - start)
            found.append(self._bytes(extent, start, taken))
            start, length = 0, length - taken
        return b"".join(found)

    def _bytes(self, extent: Extent, start: int, length: int) -> bytes:
        if extent.blob is None:
            return bytes(length)
        begin = extent.start + start
        return self._blob(extent.blob)[begin : begin + length]

    def _blob(self, number: int) -> bytes:
        """The blob, unpacked; those that were used last stay so, as far as they are not too many."""
        found = self._unpacked.pop(number, None)
        if found is None:
            found = self._snapshot.archive.blob(number)
            self._work += len(found)
            if self._work > MAX_WORK:
                raise FormatError(f"{self._snapshot.name} has its bytes in too many places: more than {MAX_WORK:,} were unpacked")
            self._held += len(found)
            while self._unpacked and self._held > MAX_HELD:
                self._held -= len(self._unpacked.pop(next(iter(self._unpacked))))
        self._unpacked[number] = found
        return found

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._unpacked.clear()
        self._held = 0
