"""A file that is written whole or not at all."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path`; a file that is there is replaced only when all of it is written. Raises OSError."""
    from tempfile import NamedTemporaryFile  # imported where something is written: most scans write nothing

    if path.exists() and not path.is_file():
        path.write_bytes(content)  # a device or a pipe takes what comes
        return
    target = path.resolve()
    with NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            # A temporary file is for its owner alone; this one is as readable as any file that this user makes.
            umask = os.umask(0)
            os.umask(umask)
            Path(file.name).chmod(0o666 & ~umask)
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink()
            raise
