"""Reports as sections of a page."""

from collections.abc import Callable, Iterator, Sequence

from memscan.estimate import Report
from memscan.report.base import Failure
from memscan.report.html.figure import figure
from memscan.report.html.modules import DEPTH, module_list
from memscan.report.html.page import failed, models_page, noted, paragraph, section, table
from memscan.report.picture.treemap import tree_drawing
from memscan.report.words import (
    COLUMNS,
    FOOTNOTE,
    PART_COLUMNS,
    PLACEMENT_COLUMNS,
    heading,
    part_rows,
    placement_rows,
    rows,
    short,
    title,
)

Result = Report | Failure


def report_page(results: Sequence[Result]) -> str:
    """The seed's table of each report, its picture, its parts and modules, its notes."""
    return _page("Memory to load", results, _report)


def layers_page(results: Sequence[Result], depth: int) -> str:
    """The picture and the module tree of each report, down to `depth` levels."""
    return _page("Modules", results, lambda report: _layers(report, depth))


def _page(what: str, results: Sequence[Result], blocks: Callable[[Report], Iterator[str]]) -> str:
    names = list(map(name_of, results))
    sections = [
        failed(one) if isinstance(one, Failure) else section(name, blocks(one)) for name, one in zip(names, results, strict=True)
    ]
    return models_page(what, names, sections)


def name_of(result: Result) -> str:
    """The user's own word for it."""
    return short(result.requested if isinstance(result, Failure) else result.model.origin.requested)


def _report(report: Report) -> Iterator[str]:
    yield from map(paragraph, title(report).split("\n"))
    yield table(COLUMNS, rows(report), heading(report))
    yield paragraph(FOOTNOTE, "quiet")
    if report.model.parts:
        yield f"<h3>Parts</h3>{table(PART_COLUMNS, part_rows(report), 'The parts that it is made of', texts=(0, 1, 2))}"
    if report.placements:
        yield table(PLACEMENT_COLUMNS, placement_rows(report), "Ways to hold it", texts=(0, 2))
    yield from _layers(report, DEPTH, titled=False)


def _layers(report: Report, depth: int, *, titled: bool = True) -> Iterator[str]:
    if titled:
        yield from map(paragraph, title(report).split("\n"))
    yield figure(lambda size: tree_drawing(report, size))
    yield f"<h3>Modules</h3>{module_list(report, depth)}"
    yield noted([note.message for note in report.notes])
