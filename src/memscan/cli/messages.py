"""What is said to people when something is wrong: one line each, on standard error, printable whatever a stranger named."""

import os
import sys


def complain(line: str) -> None:
    """Say `line` on standard error."""
    print(f"memscan: {line}", file=sys.stderr)


def abandon_stdout() -> None:
    """Send what is left for standard output nowhere: it cannot be written, and Python would try again at exit."""
    if sys.stdout is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
