"""Snapshots: a scan whose source is remembered, written to a file that is a target itself.

What is kept is what the commands ask of a source, found out by running what they run; then the snapshot is read, and has to
give the same model.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path

from memscan.architecture import MAX_CONFIG
from memscan.document import shown
from memscan.errors import MemscanError, NoWeightsError, OfflineError, TargetError, UndecidedError, UsageError
from memscan.model import Model
from memscan.scanning.checkpoints import Progress
from memscan.scanning.options import ScanOptions
from memscan.scanning.parts import CONFIG, MAX_PARTS, PIPELINE
from memscan.scanning.reading import ModelReader, read_files
from memscan.scanning.together import run_anywhere
from memscan.source import (
    Listing,
    Source,
    Sources,
    Target,
    parse_target,
    recorded_target,
    write_whole,
)
from memscan.source.blobs import Blobs
from memscan.source.memory import MemorySource
from memscan.source.recording import RecordingSource
from memscan.source.snapshot import parse_snapshot, write_snapshot
from memscan.source.target import SNAPSHOT_SUFFIX

HEADER = "header"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A snapshot that was taken and is not written yet."""

    raw: bytes
    """The file."""
    name: str
    """The canonical name of what it was taken of."""
    commit: str | None


class RecordingSources(Sources):
    """Sources that remember; each target is opened once, and once more from what is at hand."""

    def __init__(self, *, token: str | None, cache: bool, offline: bool) -> None:
        super().__init__(token=token, cache=cache, offline=offline)
        self.opened: dict[Target, RecordingSource] = {}
        """By target, in the order in which they were asked for: an adapter, its base model."""

    def open(self, target: Target, *, guess: bool = False) -> Source:
        """The source for `target`, which is remembered."""
        if target not in self.opened:
            try:
                inner = super().open(target, guess=guess)
            except TargetError as error:
                self.opened[target] = RecordingSource(MemorySource({}), target)
                self.opened[target].failure = error
                raise
            self.opened[target] = RecordingSource(inner, target)
        return self.opened[target]


def snapshot(
    target: str | PathLike[str],
    path: str | PathLike[str],
    *,
    revision: str | None = None,
    token: str | None = None,
    file: str | None = None,
    subfolder: str | None = None,
    variant: str | None = None,
    mmproj: bool = False,
    cache: bool = True,
    offline: bool = False,
) -> Path:
    """Write what a scan reads of the model `target` into the file `path`, which is a target itself, and return it.

    `path` ends in `.memscan`. The options are those of `memscan.scan`: those that choose files (`file`, `subfolder`, `variant`,
    `mmproj`) are to be given again when the snapshot is scanned. The file holds headers, configs and the listing of files, no
    weights and no token; it is written whole or not at all. Works with and without a running event loop.

    Raises a `memscan.MemscanError`: that of a scan where `target` cannot be read, UsageError where `path` cannot be written.
    """
    place = snapshot_path(fspath(path))
    options = ScanOptions(
        revision=revision, token=token, file=file, subfolder=subfolder, variant=variant, mmproj=mmproj, cache=cache,
        offline=offline,
    )  # fmt: skip
    save_snapshot(run_anywhere(take_snapshot(fspath(target), options)), place)
    return place


def snapshot_path(word: str) -> Path:
    """The path `word`; UsageError where it is not a name for a snapshot, by which it would be known again."""
    path = Path(word)
    if not path.name.endswith(SNAPSHOT_SUFFIX) or path.name == SNAPSHOT_SUFFIX:
        raise UsageError(f"{shown(word)} is not a name for a snapshot; expected one that ends in {SNAPSHOT_SUFFIX}")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {shown(word)}: there is no folder {shown(str(path.parent))}")
    return path


def save_snapshot(taken: Taken, path: Path) -> None:
    """Write `taken` to `path`, whole or not at all; UsageError where that cannot be."""
    try:
        write_whole(path, taken.raw)
    except OSError as error:
        raise UsageError(f"cannot write {shown(str(path))}: {error.strerror or error}") from error


async def take_snapshot(word: str, options: ScanOptions, progress: Progress | None = None) -> Taken:
    """A snapshot of what commands with these `options` read of the target `word`.

    Headers are read, and no model is built: where there are none, the configs are kept that one can be built from. The
    error of a scan where the target cannot be read.
    """
    options = replace(options, backend=HEADER, trust_remote_code=False)
    options.check()
    target = parse_target(word, revision=options.revision)
    async with RecordingSources(token=options.token, cache=options.cache, offline=options.offline) as sources:
        model = await _read(sources, target, options, progress)
        for source in sources.opened.values():
            if isinstance(source.failure, OfflineError):  # of a base model: it is there, and another time it can be read
                raise source.failure
        for source in tuple(sources.opened.values()):
            if source.failure is None:
                await _keep_configs(source, options if source.target == target else ScanOptions())
        recorded = tuple(sources.opened.values())
    # First without what seems to be of tensors: it says nothing where the model is the same without it.
    raw = _written(recorded, hollow=True)
    with suppress(MemscanError):
        if await _read_again(raw, word, options) == model:
            return _taken(raw, word)
    raw = _written(recorded, hollow=False)
    if await _read_again(raw, word, options) != model:
        raise RuntimeError(f"a snapshot of {word} does not give the model that it was taken of")
    return _taken(raw, word)


def _written(recorded: Sequence[RecordingSource], *, hollow: bool) -> bytes:
    blobs = Blobs()
    return write_snapshot([source.record(blobs, hollow=hollow) for source in recorded], blobs.contents)


def _taken(raw: bytes, word: str) -> Taken:
    listing = parse_snapshot(raw, word).listing
    return Taken(raw=raw, name=listing.name, commit=listing.commit)


async def _read(sources: Sources, target: Target, options: ScanOptions, progress: Progress | None) -> Model | str:
    """The model of `target`, or why it has no weights, where it may be built from its config."""
    try:
        model = await ModelReader(sources, options, progress).read(target)
        await read_files(sources, target, options)
    except UndecidedError:
        raise
    except NoWeightsError as error:
        async with sources.open(target) as source:
            if options.names_weights or not _configs(await source.listing(), options.place(target)):
                raise
        return str(error)
    return model


async def _read_again(raw: bytes, word: str, options: ScanOptions) -> Model | str:
    """What the snapshot `raw` gives for the model that it was taken of."""
    async with Sources(token=None, cache=False, offline=True) as sources:
        return await _read(sources, recorded_target(parse_snapshot(raw, word)), options, None)


async def _keep_configs(source: RecordingSource, options: ScanOptions) -> None:
    """Read the configs that a model can be built from, whether or not its headers can be read."""
    async with source:
        listing = await source.listing()
        for path in _configs(listing, options.place(source.target)):
            await source.read(path, MAX_CONFIG)


def _configs(listing: Listing, place: str | None) -> list[str]:
    """The configs at `place`: that of a model, or those of a pipeline and its components."""
    folder = f"{place}/" if place is not None else ""
    found = [folder + CONFIG, folder + PIPELINE]
    if folder + PIPELINE in listing.files:
        below = sorted(path for path in listing.files if path.startswith(folder) and path.endswith(f"/{CONFIG}"))
        found += [path for path in below if path.count("/") == folder.count("/") + 1]
    return [path for path in found if _is_small(listing.files, path)][: MAX_PARTS + 2]


def _is_small(files: Mapping[str, int], path: str) -> bool:
    return path in files and files[path] <= MAX_CONFIG
