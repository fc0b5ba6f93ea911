"""What is said to people when something is wrong: one line each, on standard error, printable whatever a stranger named."""

import sys

from memscan.printable import safe


def one_line(message: str) -> str:
    """`message` on one line, without control characters."""
    return safe(" ".join(message.split()))


def complain(line: str) -> None:
    """Say `line` on standard error."""
    print(f"memscan: {line}", file=sys.stderr)
