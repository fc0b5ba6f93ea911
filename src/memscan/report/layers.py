"""The module tree of a model with parameters, bytes and share, in every output format."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence

from memscan.estimate import Report
from memscan.modules import Module, tree
from memscan.report.base import Failure
from memscan.report.csv import guarded
from memscan.report.grid import grid
from memscan.report.json import SCHEMA, note_objects, render_objects, target
from memscan.report.markdown import cell, heading, not_read, table
from memscan.report.words import notes, short, title
from memscan.units import iec_bytes
from memscan.version import __version__

HEADERS = ("Module", "Parameters", "Bytes", "Size", "Share")
CSV_COLUMNS = ("target", "level", "module", "parameters", "buffers", "bytes", "share")


def render_layers(results: Sequence[Report | Failure], *, depth: int, output: str) -> str:
    """The trees of all reports down to `depth` levels, as `output`, one of `memscan.report.FORMATS` or `PICTURES`."""
    return _RENDERERS[output](results, depth)


def _modules(report: Report, depth: int) -> Iterator[tuple[int, Module, float]]:
    """Level, module, and its share of all bytes."""
    root = tree(report.scopes[report.scope].tensors, depth)
    for level, module in root.walk():
        yield level, module, round(module.nbytes / root.nbytes, 6) if root.nbytes else 0.0


def _rows(report: Report, depth: int) -> Iterator[tuple[str, str, str, str, str]]:
    packed = report.scopes[report.scope].parameters is None
    for level, module, share in _modules(report, depth):
        name = "  " * (level - 1) + short(module.name)
        parameters = "packed" if packed else f"{module.parameters:,}"
        yield name, parameters, f"{module.nbytes:,}", iec_bytes(module.nbytes), f"{share:.1%}"


def _table(results: Sequence[Report | Failure], depth: int) -> str:
    align = ("left", "right", "right", "right", "right")
    reports = [result for result in results if isinstance(result, Report)]
    tables = [grid(list(_rows(report, depth)), HEADERS, layout="simple", align=align) for report in reports]
    return "\n\n".join(
        "\n".join([title(report), "", text, *(["", *notes(report)] if report.notes else [])])
        for report, text in zip(reports, tables, strict=True)
    )


def _markdown(results: Sequence[Report | Failure], depth: int) -> str:
    return "\n\n".join(
        not_read(result) if isinstance(result, Failure) else "\n".join(_markdown_lines(result, depth)) for result in results
    )


def _markdown_lines(report: Report, depth: int) -> Iterator[str]:
    yield from (heading(report), "", *table(HEADERS, _rows(report, depth)))
    if report.notes:
        yield from ("", *(f"- {cell(note.message)}" for note in report.notes))


def _json(results: Sequence[Report | Failure], depth: int) -> str:
    return render_objects(results, lambda report: _object(report, depth))


def _object(report: Report, depth: int) -> Mapping[str, object]:
    packed = report.scopes[report.scope].parameters is None
    modules = [
        {
            "name": module.name,
            "level": level,
            "parameters": None if packed else module.parameters,
            "buffers": None if packed else module.buffers,
            "bytes": module.nbytes,
            "share": share,
        }
        for level, module, share in _modules(report, depth)
    ]
    return {
        "schema": SCHEMA,
        "memscan": __version__,
        "target": target(report),
        "scope": report.scope,
        "modules": modules,
        "notes": note_objects(report.notes),
    }


def _csv(results: Sequence[Report | Failure], depth: int) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for report in results:
        if isinstance(report, Report):
            writer.writerows(_csv_rows(report, depth))
    return text.getvalue().rstrip("\n")


def _csv_rows(report: Report, depth: int) -> Iterator[tuple[object, ...]]:
    requested = guarded(report.model.origin.requested)
    packed = report.scopes[report.scope].parameters is None
    for level, module, share in _modules(report, depth):
        counts = ("", "") if packed else (module.parameters, module.buffers)
        yield (requested, level, guarded(module.name), *counts, module.nbytes, share)


def _html(results: Sequence[Report | Failure], depth: int) -> str:
    from memscan.report.html.reports import layers_page

    return layers_page(results, depth)


def _svg(results: Sequence[Report | Failure], depth: int) -> str:  # noqa: ARG001 -- the picture is as deep as it has room
    from memscan.report import svg

    return svg.render(results)


_RENDERERS: Mapping[str, Callable[[Sequence[Report | Failure], int], str]] = {
    "table": _table,
    "json": _json,
    "markdown": _markdown,
    "csv": _csv,
    "html": _html,
    "svg": _svg,
}
