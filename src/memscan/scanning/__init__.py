"""The corridor from a word to a report: the only room that sees both the window and the core."""

from memscan.scanning.api import AUTO, SCOPES, ascan, scan, scan_all
from memscan.scanning.reading import Progress, read_model

__all__ = ["AUTO", "SCOPES", "Progress", "ascan", "read_model", "scan", "scan_all"]
