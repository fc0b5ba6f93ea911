"""The corridor from a word to a report: the only room that sees both the window and the core.

What a plain scan does not do is in files of its own: `many`, `snapshots`.
"""

from memscan.scanning.api import ascan, scan, scan_all, survey_all
from memscan.scanning.checkpoints import Progress
from memscan.scanning.options import AUTO, BACKENDS, SCOPES, ScanOptions
from memscan.scanning.parts import MODULES, PIPELINE
from memscan.scanning.reading import ModelReader
from memscan.scanning.together import run_anywhere

__all__ = [
    "AUTO",
    "BACKENDS",
    "MODULES",
    "PIPELINE",
    "SCOPES",
    "ModelReader",
    "Progress",
    "ScanOptions",
    "ascan",
    "run_anywhere",
    "scan",
    "scan_all",
    "survey_all",
]
