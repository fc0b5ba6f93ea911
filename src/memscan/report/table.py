"""The seed's table, paste-able, for people at a terminal."""

from collections.abc import Sequence

from memscan.estimate import Report
from memscan.printable import safe
from memscan.report.base import Failure
from memscan.report.grid import grid
from memscan.report.words import COLUMNS, FOOTNOTE, heading, rows, title


def render(results: Sequence[Report | Failure]) -> str:
    """One table for each report, in order."""
    return "\n\n".join(_one(result) for result in results if isinstance(result, Report))


def _one(report: Report) -> str:
    table = grid(rows(report), COLUMNS, layout="github")
    notes = [f"Note: {safe(note.message)}" for note in report.notes]
    return "\n".join([title(report), "", heading(report), "", table, "", FOOTNOTE, *notes])
