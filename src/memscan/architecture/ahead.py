"""The data of this package, read before a config asks for it: for who waits for a server meanwhile."""

from memscan.architecture.defaults import defaults
from memscan.architecture.table import packed


def read_ahead() -> None:
    """Read and decode what every model needs, once: 3 ms that the first would take."""
    packed()
    defaults("")
