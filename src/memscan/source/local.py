"""A folder or a file on this machine, and a snapshot in the local Hugging Face cache."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from memscan.document import shown
from memscan.errors import FormatError, NotFoundError, TargetError
from memscan.note import Note
from memscan.read import ByteRange
from memscan.source.base import Listing
from memscan.source.target import WEIGHT_SUFFIXES

MAX_FILES = 20_000  # a folder with more is not a checkpoint but a disk
INDEX_SUFFIX = ".index.json"  # of a file whose siblings belong to it
MAX_DEPTH = 4  # folders below the one given; deeper ones hold no weights that a loader looks for


class LocalSource:
    """Reads a folder; with `only`, one file of it and what belongs to that: its config.json, the shards of an index."""

    def __init__(
        self, folder: Path, *, name: str, only: str | None = None, repo_id: str | None = None, commit: str | None = None,
        revision: str | None = None, notes: tuple[Note, ...] = (),
    ) -> None:  # fmt: skip
        self._folder = folder
        self._only = only
        self._name = name
        self._repo_id = repo_id
        self._commit = commit
        self._revision = revision
        self._notes = notes

    async def listing(self) -> Listing:
        """All files below the folder, links followed for files and not for folders."""
        try:
            files = self._files()
        except OSError as error:
            raise TargetError(f"cannot read {self._name}: {error.strerror or error}") from error
        return Listing(
            name=self._name, files=files, repo_id=self._repo_id, revision=self._revision, commit=self._commit, notes=self._notes
        )

    def _files(self) -> dict[str, int]:
        if self._only is not None:
            return self._beside(self._only)
        found: dict[str, int] = {}
        broken = _walk(str(self._folder), "", found, MAX_DEPTH)
        if broken and not any(path.endswith(WEIGHT_SUFFIXES) and not path.endswith(".json") for path in found):
            raise NotFoundError(f"{broken[0]} is a link to a file that is gone; download it again")
        return found

    def _beside(self, only: str) -> dict[str, int]:
        """The file `only`, its config, and the files of its kind beside it, among which the rest of its checkpoint may be."""
        suffix = only.removesuffix(INDEX_SUFFIX).rpartition(".")[2]
        with os.scandir(self._folder) as entries:
            return {
                entry.name: entry.stat().st_size
                for entry in sorted(entries, key=lambda entry: entry.name)
                if (entry.name in (only, "config.json") or entry.name.endswith(f".{suffix}")) and _is_file(entry)
            }

    async def fetch(self, path: str, wanted: ByteRange) -> bytes:
        """Read the range; FormatError where the file ends before it."""
        data = self._bytes(path, wanted)
        if len(data) != wanted.length:
            missing = wanted.length - len(data)
            raise FormatError(f"{path} ends {missing:,} bytes before byte {wanted.stop:,}; it became shorter while it was read")
        return data

    async def read(self, path: str, limit: int) -> bytes:
        """The whole file, if it is not larger than `limit`."""
        data = self._bytes(path, ByteRange(0, limit + 1))
        if len(data) > limit:
            raise FormatError(f"{path} is larger than {limit:,} bytes; memscan does not read such a file")
        return data

    def _bytes(self, path: str, wanted: ByteRange) -> bytes:
        try:
            with (self._folder / path).open("rb") as file:
                file.seek(wanted.start)
                return file.read(wanted.length)
        except OSError as error:
            raise _unreadable(path, error) from error

    async def bundle(self, index: str) -> bytes | None:
        """A folder has no such service."""
        return None

    async def conversion(self) -> str | None:
        """A folder has no pull requests."""
        return None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None


def _walk(folder: str, prefix: str, found: dict[str, int], depth: int) -> list[str]:
    """Put the files below `folder` into `found`; the links to weights that are gone come back."""
    broken: list[str] = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if depth > 0:
                    broken.extend(_walk_below(entry, prefix, found, depth))
            elif _is_file(entry):
                if len(found) == MAX_FILES:
                    raise TargetError(f"more than {MAX_FILES:,} files below {shown(folder)}; give the folder of one model")
                found[prefix + entry.name] = entry.stat().st_size
            elif entry.is_symlink() and entry.name.endswith(WEIGHT_SUFFIXES):
                broken.append(prefix + entry.name)
    return broken


def _walk_below(entry: os.DirEntry[str], prefix: str, found: dict[str, int], depth: int) -> list[str]:
    try:
        return _walk(entry.path, f"{prefix}{entry.name}/", found, depth - 1)
    except PermissionError:
        return []  # what may not be entered holds no weights that a loader of this user could read


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False


def _unreadable(path: str, error: OSError) -> TargetError:
    if isinstance(error, FileNotFoundError):
        return NotFoundError(f"{path} is not there any more")
    return TargetError(f"cannot read {path}: {error.strerror or error}")


def open_snapshot(cache: Path, repo_id: str, revision: str | None) -> LocalSource:
    """The snapshot of `repo_id` in the Hugging Face cache at `cache`; NotFoundError where it has none for `revision`.

    Layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache (`models--org--name/refs`, `/snapshots`).
    """
    wanted = revision or "main"
    folder = cache / f"models--{repo_id.replace('/', '--')}"
    commit = _cached_commit(folder, wanted)
    if commit is None:
        raise NotFoundError(
            f"{repo_id} at {shown(wanted)} is not in the local cache, and HF_HUB_OFFLINE forbids asking the Hub;"
            " unset HF_HUB_OFFLINE, or give a folder"
        )
    return LocalSource(folder / "snapshots" / commit, name=repo_id, repo_id=repo_id, commit=commit, revision=wanted)


def _cached_commit(folder: Path, revision: str) -> str | None:
    refs = folder / "refs"
    reference = (refs / revision).resolve()
    if reference.is_relative_to(refs.resolve()) and reference.is_file():
        revision = reference.read_text(encoding="ascii", errors="replace").strip()
    snapshots = folder / "snapshots"
    names = sorted(entry.name for entry in snapshots.iterdir()) if snapshots.is_dir() else []
    matches = [name for name in names if name == revision or (len(revision) >= 7 and name.startswith(revision))]
    return matches[0] if len(matches) == 1 else None
