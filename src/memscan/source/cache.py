"""The header cache: what the Hub answered about a commit, kept in files, because a commit never changes.

It has no lock that a process could leave behind. An entry is written beside its place and then renamed to it, so that it is
there whole or not at all; two processes that write the same entry write the same bytes. A cache that cannot be read has
nothing, one that cannot be written keeps nothing, and neither is an error.
"""

import os
from contextlib import suppress
from pathlib import Path

from memscan.source.cache_entry import STARTED, VERSION, Entry, Key, pack, unpack

MAX_ENTRY = 500_000_000  # bytes; the headers of all shards in one reply have 400,000,000 at most
FOR_OWNER, FOLDER_FOR_OWNER = 0o600, 0o700
TRIES = 10  # at making a folder that another process removes meanwhile
SHARE = 8  # the size is looked after whenever this part of the limit was written
TAG = "CACHEDIR.TAG"  # https://bford.info/cachedir/: programs that make backups leave the folder out
SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55\n# Headers of models that memscan has read.\n"


class HeaderCache:
    """The entries below `root`; at most `limit` bytes of them, least recently used ones go first."""

    def __init__(self, root: Path, limit: int) -> None:
        self._folder = root / VERSION
        self._limit = limit
        self._unswept = 0
        self._trusted = _is_own(self._folder)

    def read(self, key: Key) -> Entry | None:
        """The answer to `key`, if it was kept and is whole; it becomes the one that was used last."""
        if not self._trusted:
            return None
        path = self._path(key)
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size > MAX_ENTRY:
                    return None
                raw = file.read(size)
        except OSError:
            return None
        entry = unpack(raw, key)
        if entry is not None:
            with suppress(OSError):  # a cache that may only be read
                os.utime(path)
        return entry

    def write(self, key: Key, entry: Entry) -> None:
        """Keep the answer to `key`; of one that is larger than the whole cache may be, nothing."""
        data = pack(key, entry)
        if not self._trusted or len(data) > min(self._limit, MAX_ENTRY):
            return
        with suppress(OSError):
            _put(self._path(key), data)
        self._unswept += len(data)
        if self._unswept > self._limit // SHARE:
            self.close()

    def close(self) -> None:
        """Make room, if anything was written since."""
        if self._unswept:
            from memscan.source.cache_upkeep import sweep

            self._unswept = 0
            sweep(self._folder, self._limit)

    def _path(self, key: Key) -> Path:
        return self._folder / key.folder / (key.commit or "refs") / key.digest


def _put(path: Path, data: bytes) -> None:
    started = path.with_name(f"{STARTED}{os.urandom(8).hex()}")
    file = _open(started)
    try:
        with open(file, "wb") as stream:  # noqa: PTH123 -- of a descriptor
            stream.write(data)
        started.replace(path)
    except BaseException:
        with suppress(OSError):
            started.unlink()
        raise


def _open(path: Path) -> int:
    """The descriptor of a new file, in a folder that may have to be made, and that other processes remove when it is empty."""
    for _ in range(TRIES):
        with suppress(FileNotFoundError):
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), FOR_OWNER)
        with suppress(FileNotFoundError):
            _make(path.parent)
    raise FileNotFoundError(path)


def _make(folder: Path) -> None:
    """Make `folder` and those above it, each for this user alone; those that are there stay as they are."""
    with suppress(FileExistsError):
        try:
            folder.mkdir(FOLDER_FOR_OWNER)
        except FileNotFoundError:
            _make(folder.parent)
            folder.mkdir(FOLDER_FOR_OWNER)
        if folder.name == VERSION:
            (folder / TAG).write_bytes(SIGNATURE)


def _is_own(folder: Path) -> bool:
    """Whether nobody but this user and the administrator can have put entries into `folder`."""
    if not hasattr(os, "geteuid"):
        return True  # Windows: the folder is in the user's profile
    try:
        owner = folder.stat().st_uid
    except OSError:  # not there yet
        return True
    return owner in (0, os.geteuid()) or os.geteuid() == 0
