"""What differs between two models, as one page."""

from collections.abc import Sequence

from memscan.compare import Diff
from memscan.report.diff_words import (
    GROUP_COLUMNS,
    MODULE_COLUMNS,
    RULE_COLUMNS,
    SUMMARY_COLUMNS,
    headline,
    module_rows,
    summary,
    title,
)
from memscan.report.html.page import folded, noted, page, paragraph, table
from memscan.report.words import short

MODULES = 200  # rows
Rows = Sequence[tuple[str, ...]]


def diff_page(diff: Diff, *, changes: Rows, renames: Rows, verdict: str, notes: Sequence[str]) -> str:
    """The sums of both sides, what changed, and in which modules."""
    modules = module_rows(diff, MODULES)
    blocks = (
        paragraph(verdict, "verdict") if verdict else "",
        paragraph(headline(diff), "verdict"),
        *map(paragraph, title(diff).split("\n")),
        table(SUMMARY_COLUMNS, summary(diff), "Both sides"),
        table(GROUP_COLUMNS, changes, "Changes", texts=(0, 1, 3)) if changes else "",
        table(RULE_COLUMNS, renames, "Renamed", texts=(0, 1, 4)) if renames else "",
        folded("Modules that grew or shrank", table(MODULE_COLUMNS, modules, "Modules that grew or shrank")) if modules else "",
        noted(notes, 2),
    )
    names = [short(side.origin.requested) for side in (diff.before, diff.after)]
    return page(f"{names[0]} \u2192 {names[1]}", filter(None, blocks))
