"""Exit codes: documented in the README, stable, and named."""

from enum import IntEnum

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
