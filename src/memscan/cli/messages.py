"""What is said to people when something is wrong: one line each, on standard error, printable whatever a stranger named."""

import os
import sys
from contextlib import suppress


def complain(line: str) -> None:
    """Say `line` on standard error; where nobody reads that any more, the exit code still says it."""
    if sys.stderr is None:
        return  # print would take standard output instead, which holds the answer
    with suppress(OSError, ValueError):
        print(f"memscan: {line}", file=sys.stderr, flush=True)


def abandon_stdout() -> None:
    """Send what is left for standard output nowhere: it cannot be written, and Python would try again at exit."""
    if sys.stdout is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
