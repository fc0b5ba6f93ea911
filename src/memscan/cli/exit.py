"""Exit codes: documented in the README, stable, and named."""

import os
import sys
from contextlib import suppress
from enum import IntEnum
from typing import NoReturn

from memscan.errors import FormatError, MemscanError, NetworkError, TargetError, UsageError


class Exit(IntEnum):
    """What a run of memscan ends with; of several targets, the worst."""

    OK = 0
    VERDICT = 1
    """A budget is exceeded; nothing else ever exits with 1."""
    USAGE = 2
    TARGET = 3
    NETWORK = 4
    FORMAT = 5
    INTERNAL = 70
    INTERRUPTED = 130


CODES: tuple[tuple[type[MemscanError], Exit], ...] = (
    (UsageError, Exit.USAGE),
    (TargetError, Exit.TARGET),
    (NetworkError, Exit.NETWORK),
    (FormatError, Exit.FORMAT),
)
"""The four branches of the error tree; a test proves that every error is below one of them."""


def code_of(error: MemscanError) -> Exit:
    """The exit code for `error`."""
    return next((code for kind, code in CODES if isinstance(error, kind)), Exit.INTERNAL)


CLEANING = "distributed"
"""The library that ends processes of its own when the interpreter ends."""


def leave(code: int) -> NoReturn:
    """End the process with `code` at once, as mypy does: to take every module and object apart takes longer than a request."""
    if CLEANING in sys.modules:
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # there is none, or it was closed: its reader has gone
            stream.flush()
    os._exit(code)
