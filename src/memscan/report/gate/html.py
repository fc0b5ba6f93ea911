"""A gate as one page: what failed first, all limits, the modules of each that fails."""

from collections.abc import Iterator

from memscan.budget import Finding, Gate
from memscan.report.gate.modules import lines, modules_of
from memscan.report.gate.words import Gravity, exact, failing_first, gravity, headline, kind, margin, name, outcome, sentence
from memscan.report.html.page import folded, listed, page, paragraph, table
from memscan.report.words import short
from memscan.units import iec_bytes, plural

COLUMNS = ("Outcome", "Target", "What", "dtype", "Budget", "Figure", "Limit", "Margin")
MOST = 100  # findings whose modules are shown


def render(gate: Gate) -> str:
    """The page."""
    found = failing_first(gate)
    grave = [sentence(finding) for finding in found if gravity(finding) is not Gravity.NONE]
    trees = [finding for finding in found if modules_of(finding)]
    left = len(trees) - MOST
    blocks = (
        paragraph(headline(gate), "verdict"),
        listed(grave),
        table(COLUMNS, map(_row, found), "All limits", texts=range(7)) if found else "",
        *map(_modules, trees[:MOST]),
        paragraph(f"{plural(left, 'more tree')} of modules, which are not shown") if left > 0 else "",
    )
    return page("Memory gate", filter(None, blocks))


def _row(finding: Finding) -> tuple[str, ...]:
    figure, limit, left, place = finding.figure, finding.limit, margin(finding), finding.place
    return (
        outcome(finding),
        name(finding),
        kind(finding),
        finding.dtype or "",
        "" if place is None else f"{short(place.path)}:{place.line}",
        "not known" if figure is None else exact(figure.nbytes),
        "" if limit is None else f"{short(limit.stated)}: {exact(limit.nbytes)}",
        "" if left is None else iec_bytes(left),
    )


def _modules(finding: Finding) -> str:
    count = plural(len(modules_of(finding)), "module")
    return folded(f"{name(finding)}, {kind(finding)}: {count}", listed(_lines(finding)))


def _lines(finding: Finding) -> Iterator[str]:
    for depth, words, size in lines(finding):
        before = "\u2013 " * depth
        yield f"{before}{short(words)}: {size}" if words else f"{before}{size}"
