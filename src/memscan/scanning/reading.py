"""From a target to a model: what is asked for, in which order, and what runs at once."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from memscan.architecture import MAX_CONFIG, Config
from memscan.checkpoint import (
    Checkpoint,
    Selection,
    assemble,
    compare_total_size,
    compare_with_index,
    select,
    unlisted_shards,
)
from memscan.document import shown
from memscan.errors import FormatError
from memscan.formats import Header, Safetensors, ShardIndex, parse_bundle, shard_index
from memscan.model import Model, Origin
from memscan.note import Note
from memscan.read import arun
from memscan.scanning.together import both, every
from memscan.source import Head, Listing, Source, Sources, Target

CONFIG = "config.json"


class Progress(Protocol):
    """Told how many files a scan needs, as it finds out, and each time that one has been read."""

    def expect(self, files: int) -> None:
        """`files` more are to be read."""

    def advance(self) -> None:
        """One of them has been read."""


async def read_model(sources: Sources, target: Target, *, library: str | None = None, progress: Progress | None = None) -> Model:
    """Read the headers and the config of `target`; requests that do not depend on each other run at once."""
    async with sources.open(target) as source:
        listing = await source.listing()
        selection = select(listing.files, target.path)
        checkpoint, config = await both(
            _checkpoint(source, listing, selection, progress), _config(source, listing, _folder(selection))
        )
    own = config.library if config is not None else None
    origin = Origin(
        requested=target.requested, name=listing.name, repo_id=listing.repo_id, revision=listing.revision,
        commit=listing.commit, library=library or listing.library or own,
    )  # fmt: skip
    return Model(origin=origin, checkpoint=checkpoint, config=config, notes=(*listing.notes, *selection.notes))


def _folder(selection: Selection) -> str:
    """The folder that the weights stand in, where their config stands too; empty for the top, else with its slash."""
    head, slash, _ = (selection.index or selection.files[0]).rpartition("/")
    return head + slash


async def _config(source: Source, listing: Listing, folder: str) -> Config | None:
    path = folder + CONFIG
    if path not in listing.files:
        return None
    return Config.parse(await source.read(path, MAX_CONFIG))


async def _checkpoint(source: Source, listing: Listing, selection: Selection, progress: Progress | None) -> Checkpoint:
    if selection.index is None:
        headers = await _headers(source, listing.files, selection.files, progress)
        return assemble(Safetensors.name, headers, listing.files)
    index: ShardIndex | None = None
    if selection.files:
        bundle = await source.bundle(selection.index)
    else:
        # Only the index knows its shards, and is needed before them: ask for it beside the reply that may do without it.
        bundle, index = await both(source.bundle(selection.index), _index(source, selection.index))
    checkpoint = None if bundle is None else _from_bundle(bundle, selection, listing.files)
    if checkpoint is not None:
        return checkpoint
    if index is not None:
        return await _from_index(source, listing, index, selection, guessed={}, progress=progress)
    read, guessed = await both(_index(source, selection.index), _headers(source, listing.files, selection.files, progress))
    return await _from_index(source, listing, read, selection, guessed=guessed, progress=progress)


async def _index(source: Source, path: str) -> ShardIndex:
    return shard_index.parse(await source.read(path, shard_index.MAX_INDEX), path)


def _from_bundle(bundle: bytes, selection: Selection, sizes: Mapping[str, int]) -> Checkpoint | None:
    """The checkpoint in the Hub's one reply; None where the reply does not hold, and each shard has to be asked."""
    index = selection.index or ""
    folder = _folder(selection)
    try:
        headers, metadata = parse_bundle(bundle, {path.removeprefix(folder): size for path, size in sizes.items()})
    except FormatError:
        return None
    headers = {folder + path: headers[path] for path in sorted(headers)}
    checkpoint = assemble(Safetensors.name, headers, sizes)
    notes = (
        *compare_total_size(index, metadata.values.get("total_size"), checkpoint),
        *unlisted_shards(index, set(headers), selection.files),
    )
    # The reply leaves something out, or the index is wrong: only the files themselves tell which.
    return None if notes else checkpoint


async def _from_index(
    source: Source,
    listing: Listing,
    index: ShardIndex,
    selection: Selection,
    *,
    guessed: Mapping[str, Header],
    progress: Progress | None,
) -> Checkpoint:
    """The checkpoint that `index` describes: `guessed` are the shards read beside it, the rest is read now."""
    for shard in index.shards:
        if shard not in listing.files:
            raise FormatError(f"{index.path} names the shard {shown(shard)}, which is not there")
    rest = tuple(shard for shard in index.shards if shard not in guessed)
    others = await _headers(source, listing.files, rest, progress)
    headers = {shard: guessed[shard] if shard in guessed else others[shard] for shard in index.shards}
    checkpoint = assemble(Safetensors.name, headers, listing.files)
    notes = (
        *compare_with_index(index, headers, selection.files),
        *compare_total_size(index.path, index.metadata.values.get("total_size"), checkpoint),
    )
    return _noted(checkpoint, notes)


def _noted(checkpoint: Checkpoint, notes: tuple[Note, ...]) -> Checkpoint:
    return Checkpoint(
        format=checkpoint.format, shards=checkpoint.shards, tensors=checkpoint.tensors, notes=(*checkpoint.notes, *notes)
    )


async def _headers(
    source: Source, sizes: Mapping[str, int], paths: Sequence[str], progress: Progress | None
) -> dict[str, Header]:
    if progress is not None:
        progress.expect(len(paths))

    async def one(path: str) -> Header:
        header = await arun(Safetensors().read_header(path, sizes[path]), Head(source, path, sizes[path]).fetch)
        if progress is not None:
            progress.advance()
        return header

    return dict(zip(paths, await every(one(path) for path in paths), strict=True))
