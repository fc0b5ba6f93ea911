"""What fits, as sections of a page."""

from collections.abc import Iterator, Sequence

from memscan.fit import Fit, OverContext, over_context
from memscan.report.base import Failure
from memscan.report.fit_words import fit_cells, fit_foot, fit_title
from memscan.report.html.figure import figure
from memscan.report.html.page import failed, models_page, noted, paragraph, section, table
from memscan.report.html.reports import name_of
from memscan.report.picture.curve import context_drawing


def fits_page(results: Sequence[Fit | Failure]) -> str:
    """The table of each model, and its memory over the context."""
    names = [name_of(one if isinstance(one, Failure) else one.report) for one in results]
    sections = [
        failed(one) if isinstance(one, Failure) else section(name, _fit(one)) for name, one in zip(names, results, strict=True)
    ]
    return models_page("What fits", names, sections)


def fit_curve(fit: Fit) -> OverContext:
    """The memory of what was asked over the context, of the first dtype; beside the device where there is only one."""
    devices = {row.device.name: row.device for row in fit.rows}
    return over_context(fit.report, fit.workload, next(iter(devices.values())) if len(devices) == 1 else None)


def _fit(fit: Fit) -> Iterator[str]:
    yield from map(paragraph, fit_title(fit).split("\n"))
    columns, rows = fit_cells(fit)
    yield table(columns, rows, "What fits")
    found = fit_curve(fit)
    yield figure(lambda size: context_drawing(found, size))
    yield noted([*(note.message for note in fit.report.notes), *fit_foot(fit)])
