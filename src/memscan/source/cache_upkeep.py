"""What the header cache has, and how it is kept small: entries counted, cleared, and the least recently used ones removed."""

import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from memscan.source.cache_entry import STARTED, opened, repository_prefix

VERSIONS = re.compile(r"headers-\d{1,3}")
ABANDONED = 86_400.0  # seconds after which one that is still not whole never will be
ENTRY = re.compile(r"[0-9a-f]{40}")
OWN_DIGITS = re.compile(r"[0-9a-f]{16}")
MAX_ALIAS = 4_096  # bytes; an entry that says how a repository is called now has some hundred
BLOCK = 4_096  # bytes; what a small file takes on most disks, and so what it counts as
SPARE = 8  # this part of the limit is free again after a sweep, so that not every run has to sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What is in the cache, or was removed from it."""

    entries: int
    nbytes: int
    repositories: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    path: str
    nbytes: int
    used: float
    """When it was last read or written, in seconds since the epoch."""
    is_whole: bool

    @property
    def taken(self) -> int:
        return -(-self.nbytes // BLOCK) * BLOCK


def usage(root: Path) -> Usage:
    """What the cache at `root` has, in all formats."""
    return _sum(list(_files(folder)) for folder in _repositories(root))


def clear(root: Path, repo_id: str | None = None) -> Usage:
    """Remove all entries, or those of `repo_id` on whichever Hub, and say what was removed; nothing else is touched."""
    folders = list(_repositories(root))
    if repo_id is not None:
        names = {repo_id, *(name for folder in folders if _is_of(folder, repo_id) for name in _aliases(folder))}
        folders = [folder for folder in folders if any(_is_of(folder, name) for name in names)]
    removed = []
    for folder in folders:
        removed.append([file for file in _files(folder) if _remove(file.path)])
        _remove_empty(folder)
    return _sum(removed)


def sweep(folder: Path, limit: int) -> None:
    """Remove the least recently used entries of `folder` until they have at most `limit` bytes, and what was never finished."""
    files = [file for repository in _folders(folder) for file in _files(repository)]
    for file in files:
        if not file.is_whole and file.used < time.time() - ABANDONED:
            _remove(file.path)
    entries = [file for file in files if file.is_whole]
    total = sum(file.taken for file in entries)
    if total <= limit:
        return
    for file in sorted(entries, key=lambda file: file.used):
        if total <= limit - limit // SPARE:
            break
        _remove(file.path)
        total -= file.taken  # also where another process has removed it
    for repository in _folders(folder):
        _remove_empty(repository)


def _repositories(root: Path) -> Iterator[str]:
    """The folders of repositories, in the folders of all formats."""
    for version in _folders(root):
        if VERSIONS.fullmatch(os.path.basename(version)):  # noqa: PTH119
            yield from _folders(version)


def _folders(folder: Path | str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _files(repository: str) -> Iterator[_File]:
    """The entries of a repository, and those that are not whole; whatever else somebody put there is not the cache's."""
    for folder in _folders(repository):
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if ENTRY.fullmatch(entry.name) or entry.name.startswith(STARTED):
                    with suppress(OSError):  # another process has removed it meanwhile
                        found = entry.stat(follow_symlinks=False)
                        whole = not entry.name.startswith(STARTED)
                        yield _File(path=entry.path, nbytes=found.st_size, used=found.st_mtime, is_whole=whole)


def _is_of(folder: str, repo_id: str) -> bool:
    name, prefix = os.path.basename(folder).lower(), repository_prefix(repo_id).lower()  # noqa: PTH119
    return name.startswith(prefix) and OWN_DIGITS.fullmatch(name.removeprefix(prefix)) is not None


def _aliases(folder: str) -> Iterator[str]:
    """The present names of the repository that `folder` has an old name of."""
    for file in _files(folder):
        if file.nbytes > MAX_ALIAS:
            continue
        with suppress(OSError):
            found = opened(Path(file.path).read_bytes())
            if found is not None and found[0].values.get("kind") == "alias":
                yield found[1].decode(errors="replace")


def _sum(repositories: Iterable[Sequence[_File]]) -> Usage:
    entries = nbytes = count = 0
    for files in repositories:
        entries += len(files)
        nbytes += sum(file.nbytes for file in files)
        count += bool(files)
    return Usage(entries=entries, nbytes=nbytes, repositories=count)


def _remove(path: str) -> bool:
    try:
        os.unlink(path)  # noqa: PTH108 -- of thousands of files
    except OSError:
        return False
    return True


def _remove_empty(repository: str) -> None:
    """Remove the folders that have nothing left in them."""
    for folder in (*_folders(repository), repository):
        with suppress(OSError):
            os.rmdir(folder)  # noqa: PTH106
