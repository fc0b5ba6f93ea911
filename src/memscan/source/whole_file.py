"""A file that is written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path`; a file that is there is replaced only when all of it is written. Raises OSError."""
    if path.exists() and not path.is_file():
        path.write_bytes(content)  # a device or a pipe takes what comes
        return
    with whole_file(path) as started:
        started.write_bytes(content)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """The path of an empty file beside `path`, which takes its place when the block ends well. Raises OSError."""
    from tempfile import NamedTemporaryFile  # imported where something is written: most scans write nothing

    target = path.resolve()
    with NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        started = Path(file.name)
    try:
        yield started
        # A temporary file is for its owner alone; this one is as readable as any file that this user makes.
        umask = os.umask(0)
        os.umask(umask)
        started.chmod(0o666 & ~umask)
        started.replace(target)
    except BaseException:
        started.unlink()
        raise
