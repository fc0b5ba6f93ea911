"""What fits, in every output format."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence

from memscan.fit import Fit, Largest, Row
from memscan.report.base import Failure
from memscan.report.csv import guarded
from memscan.report.fit_words import fit_cells, fit_foot, fit_title
from memscan.report.grid import grid
from memscan.report.json import SCHEMA, dumps, error_object, note_objects, target
from memscan.report.markdown import cell, code, not_read, table
from memscan.version import __version__

CSV_COLUMNS = (
    "target", "device", "usable_bytes", "dtype", "answer", "peak_bytes", "context", "context_bounded", "batch", "batch_bounded",
)  # fmt: skip
Result = Fit | Failure
DeviceMap = Mapping[str, int | str]


def render_fits(results: Sequence[Result], output: str) -> str:
    """The answers in `output`, one of `memscan.report.FORMATS` or `PICTURES`."""
    return _RENDERERS[output](results)


def render_maps(results: Sequence[DeviceMap | Failure]) -> str:
    """Device maps as the JSON that `from_pretrained(device_map=...)` takes: one for one target, a list for several."""
    maps = [dict(result) for result in results if not isinstance(result, Failure)]
    return dumps(maps[0] if len(results) == 1 and maps else maps)


def _table(results: Sequence[Result]) -> str:
    return "\n\n".join(_one(fit) for fit in results if isinstance(fit, Fit))


def _one(fit: Fit) -> str:
    columns, rows = fit_cells(fit)
    align = ("left", *("right" for _ in columns[1:]))
    foot = fit_foot(fit)
    return "\n\n".join([fit_title(fit), grid(rows, columns, layout="github", align=align), *(["\n".join(foot)] if foot else [])])


def _markdown(results: Sequence[Result]) -> str:
    return "\n\n".join(not_read(one) if isinstance(one, Failure) else "\n".join(_section(one)) for one in results)


def _section(fit: Fit) -> Iterable[str]:
    columns, rows = fit_cells(fit)
    yield from (f"### What fits of {code(fit.report.model.origin.requested)}", "")
    yield from ("\n\n".join(map(cell, fit_title(fit).split("\n"))), "")
    yield from table(tuple(map(cell, columns)), rows)
    foot = fit_foot(fit)
    yield from ("", *(f"- {cell(line)}" for line in foot)) if foot else ()


def _json(results: Sequence[Result]) -> str:
    objects = [_object(fit) for fit in results if isinstance(fit, Fit)]
    if len(results) == 1 and objects:
        return dumps(objects[0])
    errors = [error_object(result) for result in results if isinstance(result, Failure)]
    return dumps({"schema": SCHEMA, "memscan": __version__, "fits": objects, "errors": errors})


def _object(fit: Fit) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "memscan": __version__,
        "target": target(fit.report),
        "scope": fit.report.scope,
        "context": fit.workload.context,
        "batch": fit.workload.batch,
        "engine": fit.workload.engine,
        "count": fit.count,
        "rows": [
            {
                "device": row.device.name,
                "usable_bytes": row.device.usable_bytes,
                "dtype": row.dtype,
                "answer": row.answer.name.lower(),
                "peak_bytes": row.nbytes,
                "largest_context": _largest(row.context),
                "largest_batch": _largest(row.batch),
            }
            for row in fit.rows
        ],
        "notes": note_objects((*fit.report.notes, *fit.notes)),
    }


def _largest(found: Largest | None) -> Mapping[str, object] | None:
    return None if found is None else {"number": found.number, "bounded": found.bounded}


def _csv(results: Sequence[Result]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for fit in results:
        if isinstance(fit, Fit):
            requested = guarded(fit.report.model.origin.requested)
            writer.writerows((requested, *_line(row)) for row in fit.rows)
    return text.getvalue().rstrip("\n")


def _line(row: Row) -> tuple[object, ...]:
    most = [
        cell for one in (row.context, row.batch) for cell in (("", "") if one is None else (one.number, str(one.bounded).lower()))
    ]
    return (row.device.name, row.device.usable_bytes, row.dtype, row.answer.name.lower(), row.nbytes, *most)


def _html(results: Sequence[Result]) -> str:
    from memscan.report.html.fits import fits_page

    return fits_page(results)


def _svg(results: Sequence[Result]) -> str:
    from memscan.report.html.fits import fit_curve
    from memscan.report.picture import stacked
    from memscan.report.picture.curve import context_drawing

    return stacked(context_drawing(fit_curve(fit)) for fit in results if isinstance(fit, Fit))


_RENDERERS: Mapping[str, Callable[[Sequence[Result]], str]] = {
    "table": _table,
    "json": _json,
    "markdown": _markdown,
    "csv": _csv,
    "html": _html,
    "svg": _svg,
}
