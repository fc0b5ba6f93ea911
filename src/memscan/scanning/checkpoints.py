"""From a selection of files to a checkpoint: what is asked for, in which order, and what runs at once."""

import asyncio
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from memscan.checkpoint import (
    Checkpoint,
    Selection,
    assemble,
    compare_total_size,
    compare_with_index,
    unlisted_shards,
)
from memscan.document import shown, text_of
from memscan.errors import FormatError
from memscan.formats import Header, ShardIndex, format_named, parse_bundle, shard_index
from memscan.read import ByteRange, arun
from memscan.scanning.together import both, every
from memscan.source import Head, Listing, Source

MAX_HEADERS = 400_000_000  # bytes of all files of one model; the largest known, Kimi-K3's, have 85 MB in JSON
FILES, LARGE = 100, 32  # headers under way at once, as many as a transport's requests; and of those longer than the readahead
BUNDLED = "safetensors"  # the format whose sharded headers the Hub gives in one reply


class Progress(Protocol):
    """Told how many files a scan needs, as it finds out, and each time that one has been read."""

    def expect(self, files: int) -> None:
        """`files` more are to be read."""

    def advance(self) -> None:
        """One of them has been read."""


class CheckpointReader:
    """Reads checkpoints from one source, whose listing is known."""

    def __init__(self, source: Source, listing: Listing, progress: Progress | None) -> None:
        self._source = source
        self._sizes = listing.files
        self._readahead = listing.readahead
        self._progress = progress
        self._nbytes = 0
        # What is held of files that are not parsed yet does not grow with their number.
        self._files, self._large = asyncio.Semaphore(FILES), asyncio.Semaphore(LARGE)

    async def read(self, selection: Selection) -> Checkpoint:
        """The checkpoint that `selection` names."""
        if selection.index is None:
            headers = await self._headers(selection.format, selection.files)
            return assemble(selection.format, headers, self._sizes, slices=selection.slices)
        index: ShardIndex | None = None
        if selection.format != BUNDLED:
            bundle = None
        elif selection.files:
            bundle = await self._bundle(selection.index)
        else:
            # Only the index knows its shards, and is needed before them: ask for it beside the reply that may do without it.
            bundle, index = await both(self._bundle(selection.index), self._index(selection.index))
        checkpoint = None if bundle is None else self._from_bundle(bundle, selection, selection.index)
        if checkpoint is not None:
            return checkpoint
        if index is not None:
            return await self._from_index(index, selection, {})
        read, guessed = await both(self._index(selection.index), self._headers(selection.format, selection.files))
        return await self._from_index(read, selection, guessed)

    async def _bundle(self, index: str) -> str | None:
        """The Hub's one reply, as text: its bytes are let go of before it becomes tensors."""
        bundle = await self._source.bundle(index)
        try:
            return None if bundle is None else text_of(bundle, "the Hub's safetensors metadata")
        except FormatError:
            return None

    async def _index(self, path: str) -> ShardIndex:
        return shard_index.parse(await self._source.read(path, shard_index.MAX_INDEX), path)

    def _from_bundle(self, bundle: str, selection: Selection, index: str) -> Checkpoint | None:
        """The checkpoint in the Hub's one reply; None where the reply does not hold, and each shard has to be asked."""
        folder = posixpath.dirname(index)
        folder += "/" if folder else ""
        try:
            headers, metadata = parse_bundle(bundle, {path.removeprefix(folder): size for path, size in self._sizes.items()})
        except FormatError:
            return None
        headers = {folder + path: headers[path] for path in sorted(headers)}
        checkpoint = assemble(selection.format, headers, self._sizes)
        notes = (
            *compare_total_size(index, metadata.values.get("total_size"), checkpoint),
            *unlisted_shards(index, set(headers), selection.files),
        )
        # The reply leaves something out, or the index is wrong: only the files themselves tell which.
        return None if notes else checkpoint

    async def _from_index(self, index: ShardIndex, selection: Selection, guessed: Mapping[str, Header]) -> Checkpoint:
        """The checkpoint that `index` describes: `guessed` are the shards read beside it, the rest is read now."""
        for shard in index.shards:
            if shard not in self._sizes:
                raise FormatError(f"{index.path} names the shard {shown(shard)}, which is not there")
        rest = tuple(shard for shard in index.shards if shard not in guessed)
        others = await self._headers(selection.format, rest)
        headers = {shard: guessed[shard] if shard in guessed else others[shard] for shard in index.shards}
        checkpoint = assemble(selection.format, headers, self._sizes)
        notes = (
            *compare_with_index(index, headers, selection.files),
            *compare_total_size(index.path, index.metadata.values.get("total_size"), checkpoint),
        )
        return replace(checkpoint, notes=(*checkpoint.notes, *notes))

    def _count(self, nbytes: int) -> None:
        self._nbytes += nbytes
        if self._nbytes > MAX_HEADERS:
            raise FormatError(f"the headers have more than {MAX_HEADERS:,} bytes in all; memscan does not read so many")

    async def _headers(self, format_name: str, paths: Sequence[str]) -> dict[str, Header]:
        if self._progress is not None:
            self._progress.expect(len(paths))
        reader = format_named(format_name)

        async def one(path: str) -> Header:
            size = self._sizes[path]
            head = Head(self._source, path, size, self._readahead)

            async def fetch(wanted: ByteRange) -> bytes:
                if wanted.stop <= self._readahead:
                    return await head.fetch(wanted)
                async with self._large:
                    return await head.fetch(wanted)

            async with self._files:
                header = await arun(reader.read_header(path, size), fetch)
            self._count(head.nbytes)
            if self._progress is not None:
                self._progress.advance()
            return header

        return dict(zip(paths, await every(one(path) for path in paths), strict=True))
