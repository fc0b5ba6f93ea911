"""The corridor from a word to a report: the only room that sees both the window and the core."""

from memscan.scanning.api import ascan, scan, scan_all, survey_all
from memscan.scanning.checkpoints import Progress
from memscan.scanning.many import read_all
from memscan.scanning.options import AUTO, BACKENDS, SCOPES, ScanOptions
from memscan.scanning.parts import MODULES, PIPELINE
from memscan.scanning.reading import ModelReader
from memscan.scanning.snapshots import Taken, save_snapshot, snapshot, snapshot_path, take_snapshot
from memscan.scanning.together import run_alone, run_anywhere

__all__ = [
    "AUTO",
    "BACKENDS",
    "MODULES",
    "PIPELINE",
    "SCOPES",
    "ModelReader",
    "Progress",
    "ScanOptions",
    "Taken",
    "ascan",
    "read_all",
    "run_alone",
    "run_anywhere",
    "save_snapshot",
    "scan",
    "scan_all",
    "snapshot",
    "snapshot_path",
    "survey_all",
    "take_snapshot",
]
