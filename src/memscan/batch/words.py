"""The targets of a batch, one a line, in a text that is read as it is needed."""

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from memscan.document import shown
from memscan.errors import UsageError

MAX_LINE = 8_192  # characters


def words_in(text: TextIO, name: str) -> Iterator[str]:
    """The targets in `text`, without empty lines and those that begin with `#`; UsageError where it is no such text."""
    number = 0
    try:
        while line := text.readline(MAX_LINE + 1):  # bounded: a line without an end must not fill the memory
            number += 1
            if len(line) > MAX_LINE:
                raise UsageError(f"{shown(name)}: line {number:,} is longer than {MAX_LINE:,} characters; expected a target")
            word = line.strip().removeprefix("\ufeff")
            if word and not word.startswith("#"):
                yield word
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown(name)} is not UTF-8 text; expected one target a line") from error
    except OSError as error:
        raise UsageError(f"cannot read {shown(name)}: {error.strerror or error}") from error


def words_of(path: Path) -> Iterator[str]:
    """The targets in the file at `path`."""
    try:
        text = path.open(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {shown(str(path))}: {error.strerror or error}") from error
    with text:
        yield from words_in(text, str(path))
