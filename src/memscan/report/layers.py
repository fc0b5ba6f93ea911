"""The module tree of a model with parameters, bytes and share, in every output format."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from memscan.estimate import Report
from memscan.modules import Module, tree
from memscan.report.base import Failure
from memscan.report.csv import guarded
from memscan.report.grid import grid
from memscan.report.json import SCHEMA, target
from memscan.report.text import cell, safe
from memscan.report.words import title
from memscan.units import iec_bytes
from memscan.version import __version__

HEADERS = ("Module", "Parameters", "Bytes", "Size", "Share")


def render_layers(results: Sequence[Report | Failure], *, depth: int, output: str) -> str:
    """The trees of all reports down to `depth` levels, as `output`, one of `memscan.report.FORMATS`."""
    return _RENDERERS[output]([result for result in results if isinstance(result, Report)], depth)


def _modules(report: Report, depth: int) -> Iterator[tuple[int, Module, float]]:
    """Level, module, and its share of all bytes."""
    root = tree(report.scopes[report.scope].tensors, depth)
    for level, module in root.walk():
        yield level, module, module.nbytes / root.nbytes if root.nbytes else 0.0


def _rows(report: Report, depth: int) -> list[tuple[str, str, str, str, str]]:
    packed = report.model.quantization is not None
    return [
        (
            "  " * (level - 1) + safe(module.name), "packed" if packed else f"{module.parameters:,}",
            f"{module.nbytes:,}", iec_bytes(module.nbytes), f"{share:.1%}",
        )
        for level, module, share in _modules(report, depth)
    ]  # fmt: skip


def _table(reports: Sequence[Report], depth: int) -> str:
    align = ("left", "right", "right", "right", "right")
    tables = (grid(_rows(report, depth), HEADERS, layout="simple", align=align) for report in reports)
    return "\n\n".join(f"{title(report)}\n\n{table}" for report, table in zip(reports, tables, strict=True))


def _markdown(reports: Sequence[Report], depth: int) -> str:
    sections = []
    for report in reports:
        lines = [cell(title(report)), "", f"| {' | '.join(HEADERS)} |", "|:--|--:|--:|--:|--:|"]
        lines.extend(f"| {' | '.join(cell(value.strip()) for value in row)} |" for row in _rows(report, depth))
        sections.append("\n".join(lines))
    return "\n\n".join(sections)


def _json(reports: Sequence[Report], depth: int) -> str:
    objects = [_object(report, depth) for report in reports]
    several = {"schema": SCHEMA, "memscan": __version__, "reports": objects}
    return json.dumps(objects[0] if len(objects) == 1 else several, indent=2)


def _object(report: Report, depth: int) -> Mapping[str, object]:
    packed = report.model.quantization is not None
    modules = [
        {
            "name": module.name,
            "level": level,
            "parameters": None if packed else module.parameters,
            "buffers": None if packed else module.buffers,
            "bytes": module.nbytes,
            "share": round(share, 6),
        }
        for level, module, share in _modules(report, depth)
    ]
    return {"schema": SCHEMA, "memscan": __version__, "target": target(report), "scope": report.scope, "modules": modules}


def _csv(reports: Sequence[Report], depth: int) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("target", "level", "module", "parameters", "bytes", "share"))
    for report in reports:
        requested = guarded(report.model.origin.requested)
        packed = report.model.quantization is not None
        for level, module, share in _modules(report, depth):
            parameters = "" if packed else module.parameters
            writer.writerow((requested, level, guarded(module.name), parameters, module.nbytes, round(share, 6)))
    return text.getvalue().rstrip("\n")


_RENDERERS: Mapping[str, Callable[[Sequence[Report], int], str]] = {
    "table": _table,
    "json": _json,
    "markdown": _markdown,
    "csv": _csv,
}
