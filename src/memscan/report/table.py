"""The seed's table, paste-able, for people at a terminal."""

from collections.abc import Sequence

from memscan.estimate import Report
from memscan.report.base import Failure
from memscan.report.grid import grid
from memscan.report.words import (
    COLUMNS,
    FOOTNOTE,
    PART_COLUMNS,
    PLACEMENT_COLUMNS,
    heading,
    notes,
    part_rows,
    placement_rows,
    rows,
    title,
)


def render(results: Sequence[Report | Failure]) -> str:
    """One table for each report, in order."""
    return "\n\n".join(_one(result) for result in results if isinstance(result, Report))


def _one(report: Report) -> str:
    blocks = [title(report)]
    if report.model.parts:
        blocks.append(grid(part_rows(report), PART_COLUMNS, layout="github"))
    blocks.append(heading(report))
    blocks.append(grid(rows(report), COLUMNS, layout="github"))
    if report.placements:
        blocks.append(grid(placement_rows(report), PLACEMENT_COLUMNS, layout="github"))
    blocks.append("\n".join([FOOTNOTE, *notes(report)]))
    return "\n\n".join(blocks)
