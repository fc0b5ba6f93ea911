"""An answer written to a file: whole or not at all."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile


def write_file(path: Path, text: str) -> None:
    """Write `text` to `path`; a file that is there is replaced only when all of it is written."""
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")  # a device or a pipe takes what comes
        return
    target = path.resolve()
    with NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        try:
            file.write(text)
            file.flush()
            # A temporary file is for its owner alone; an answer is as readable as any file that this user makes.
            umask = os.umask(0)
            os.umask(umask)
            Path(file.name).chmod(0o666 & ~umask)
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink()
            raise
