"""A source that remembers what is read of another, so that a snapshot can give the same without it."""

import asyncio
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from memscan.errors import FormatError, MemscanError, NoWeightsError, TargetError
from memscan.read import ByteRange
from memscan.source.base import Listing, Source
from memscan.source.blobs import Blobs
from memscan.source.readahead import Head
from memscan.source.record import Piece, Record
from memscan.source.target import Target

Run = tuple[int, bytes]  # bytes of a file, and where they start


@dataclass(slots=True)
class _File:
    """One file that is being read: what is at hand of it, and what of that was asked for."""

    head: Head
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    asked: list[Run] = field(default_factory=list)


class RecordingSource:
    """Reads `inner` for `target`, and keeps the bytes that were asked for: not those that were only read ahead.

    It may be opened several times, one after the other; what is at hand is not asked for again. Of a reading that failed
    nothing is kept, because it depends on chance how far it got; only its error is, where no other reading went well.
    """

    def __init__(self, inner: Source, target: Target) -> None:
        self._inner = inner
        self._files: dict[str, _File] = {}
        self._new: list[tuple[str, Run]] = []
        self._whole: set[str] = set()
        self._listing: Listing | None = None
        self.target = target
        self.kept: dict[str, list[Run]] = {}
        """What was read and well, by path."""
        self.revision_of_conversion: str | None = None
        self.failure: MemscanError | None = None
        """Why the target could not be read; None where it could."""
        self._was_read = False

    def record(self, blobs: Blobs, *, hollow: bool) -> Record:
        """What was read, its bytes put among `blobs`; where `hollow`, without those that seem to be of tensors."""
        target = self.target
        pieces = {
            path: tuple(
                Piece.of(start, blobs.add(data, hollow=hollow and path not in self._whole))
                for start, data in joined(self.kept[path])
            )
            for path in sorted(self.kept)
        }
        return Record(
            place=target.place,
            requested=target.requested,
            repo_id=target.repo_id,
            revision=target.revision,
            path=target.path,
            listing=None if self.failure is not None else self._listing,
            failure=self.failure,
            conversion=self.revision_of_conversion,
            pieces={} if self.failure is not None else pieces,
        )

    async def listing(self) -> Listing:
        """The files that are there; nothing is to be read ahead of them, because that is done here."""
        if self._listing is None:
            self._listing = await self._inner.listing()
        return replace(self._listing, readahead=0)

    async def fetch(self, path: str, wanted: ByteRange) -> bytes:
        """The bytes, which are kept."""
        if self._listing is None:
            raise RuntimeError("the listing comes first")
        file = self._files.get(path)
        if file is None:
            head = Head(self._inner, path, self._listing.files[path], self._listing.readahead)
            file = self._files.setdefault(path, _File(head))
        async with file.lock:  # a head grows by one request at a time
            found = await file.head.fetch(wanted)
        self._new.append((path, (wanted.start, found)))
        return found

    async def read(self, path: str, limit: int) -> bytes:
        """The whole file, which is kept."""
        if path in self.kept and self._listing is not None:
            for start, found in self.kept[path]:
                if start == 0 and len(found) == self._listing.files[path] <= limit:
                    return found
        found = await self._inner.read(path, limit)
        if self._listing is not None and len(found) != self._listing.files[path]:
            raise FormatError(f"{path} has {len(found):,} bytes and had {self._listing.files[path]:,}; it changed meanwhile")
        self._whole.add(path)
        self._new.append((path, (0, found)))
        return found

    async def bundle(self, index: str) -> bytes | None:
        """None, so that the files themselves are read: the Hub's service for all headers at once is not always there."""
        return None

    async def conversion(self) -> str | None:
        """The Hub's answer, which is kept."""
        self.revision_of_conversion = await self._inner.conversion()
        return self.revision_of_conversion

    async def __aenter__(self) -> Self:
        self._new = []
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._inner.__aexit__(kind, error, trace)
        # Without weights: the snapshot says so too, by itself, and may be read where they can be built from the config.
        if error is None or (isinstance(error, NoWeightsError) and self._listing is not None):
            for path, run in self._new:
                self.kept.setdefault(path, []).append(run)
            self._was_read, self.failure = True, None
        elif isinstance(error, TargetError | FormatError) and not self._was_read:
            self.failure = error
        self._new = []


def joined(runs: list[Run]) -> list[Run]:
    """`runs` of one file in the order of their bytes, those that touch or overlap made one."""
    found: list[tuple[int, list[bytes], int]] = []
    for start, data in sorted(runs, key=lambda run: (run[0], -len(run[1]))):
        if found and start <= found[-1][2]:
            first, parts, stop = found[-1]
            if start + len(data) > stop:
                parts.append(data[stop - start :])
                found[-1] = (first, parts, start + len(data))
        else:
            found.append((start, [data], start + len(data)))
    return [(start, b"".join(parts)) for start, parts, _ in found]
