"""Where the header cache is and how large it may grow: the platform's cache folder, unless the environment says otherwise.

Folders: https://specifications.freedesktop.org/basedir-spec/latest/ (`$XDG_CACHE_HOME`, which has to be absolute),
`~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows. `HF_HOME` does not matter: it may be shared between users or
machines and be of any mode, it is measured and cleared by `hf cache`, which knows nothing of these files, and to ask for it
costs an import.
"""

import os
import sys
from pathlib import Path

from memscan.errors import UsageError

FOLDER = "MEMSCAN_CACHE"
SIZE = "MEMSCAN_CACHE_SIZE"
LIMIT = 2**30  # bytes; the headers of some thousand models
NAME = "memscan"


def cache_root() -> Path | None:
    """The folder of the cache, which need not be there; None where this user has no home to put it into."""
    given = os.environ.get(FOLDER)
    try:
        return Path(given).expanduser().absolute() if given else _of_platform()
    except (RuntimeError, OSError):  # no home; no current folder
        return None


def cache_limit() -> int:
    """Bytes that the cache may have; 0 where MEMSCAN_CACHE_SIZE turns it off. UsageError where that is no size."""
    given = os.environ.get(SIZE)
    if not given:
        return LIMIT
    from memscan.size import parse_size

    try:
        return parse_size(given)
    except UsageError as error:
        raise UsageError(f"{SIZE}: {error}; 0 turns the cache off") from error


def _of_platform() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / NAME / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / NAME
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if Path(given).is_absolute() else Path.home() / ".cache") / NAME
