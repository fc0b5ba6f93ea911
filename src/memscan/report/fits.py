"""What fits, in every output format."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence

from memscan.bills import Answer
from memscan.fit import Fit, Largest, Row
from memscan.printable import safe
from memscan.report.base import Failure
from memscan.report.csv import guarded
from memscan.report.grid import grid
from memscan.report.json import SCHEMA, dumps, error_object, note_objects, target
from memscan.report.markdown import cell, code, not_read, table
from memscan.report.words import scope_words
from memscan.units import iec_bytes, plural
from memscan.version import __version__

CSV_COLUMNS = (
    "target", "device", "usable_bytes", "dtype", "answer", "peak_bytes", "context", "context_bounded", "batch", "batch_bounded",
)  # fmt: skip
WORDS = {
    Answer.FITS: "yes", Answer.LIKELY: "yes, if assumed lines hold", Answer.UNLIKELY: "no, unless assumed lines are lower",
    Answer.NO: "no", Answer.UNKNOWN: "not known",
}  # fmt: skip
Result = Fit | Failure
DeviceMap = Mapping[str, int | str]


def render_fits(results: Sequence[Result], output: str) -> str:
    """The answers in `output`, one of `memscan.report.FORMATS`."""
    return _RENDERERS[output](results)


def render_maps(results: Sequence[DeviceMap | Failure]) -> str:
    """Device maps as the JSON that `from_pretrained(device_map=...)` takes: one for one target, a list for several."""
    maps = [dict(result) for result in results if not isinstance(result, Failure)]
    return dumps(maps[0] if len(results) == 1 and maps else maps)


def _title(fit: Fit) -> str:
    model, workload = fit.report.model, fit.workload
    commit = f" @ {model.origin.commit[:7]}" if model.origin.commit is not None else ""
    several = f", on {fit.count} of a device each" if fit.count > 1 else ""
    asked = f"{plural(workload.batch, 'sequence')} of {workload.context:,} tokens"
    return f"{safe(model.origin.name)}{commit}: {asked}, {workload.engine}{several}\nScope {scope_words(fit.report)}"


def _cells(fit: Fit) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The columns and rows: one row a dtype for one device, else one a device."""
    devices = {row.device.name: row.device for row in fit.rows}
    batch, context = fit.workload.batch, fit.workload.context or 1
    if len(devices) == 1:
        (device,) = devices.values()
        columns = (
            "dtype", "Peak", f"Fits {device.title} ({iec_bytes(device.usable_bytes)} usable)",
            f"Largest context, {plural(batch, 'sequence')}", f"Most sequences, {context:,} tokens",
        )  # fmt: skip
        return columns, [
            (row.dtype, iec_bytes(row.nbytes), WORDS[row.answer], _most(row.context), _most(row.batch)) for row in fit.rows
        ]
    dtypes = list(dict.fromkeys(row.dtype for row in fit.rows))
    found = {(row.device.name, row.dtype): row for row in fit.rows}
    return ("Device", "Usable", *dtypes), [
        (device.title, iec_bytes(device.usable_bytes), *(_short(found.get((name, dtype))) for dtype in dtypes))
        for name, device in devices.items()
    ]


def _most(found: Largest | None) -> str:
    if found is None:
        return "not known"
    return "none" if not found.number else f"{found.number:,}" + (" (all)" if found.bounded else "")


def _short(row: Row | None) -> str:
    """The largest context, where any fits."""
    return "not known" if row is None else "-" if row.context is not None and not row.context.number else _most(row.context)


def _foot(fit: Fit) -> list[str]:
    several = len({row.device.name for row in fit.rows}) > 1
    what = f"Cells: the largest context of {plural(fit.workload.batch, 'sequence')}; - where none fits." if several else ""
    return [*([what] if what else []), *(f"Note: {safe(note.message)}" for note in fit.notes)]


def _table(results: Sequence[Result]) -> str:
    return "\n\n".join(_one(fit) for fit in results if isinstance(fit, Fit))


def _one(fit: Fit) -> str:
    columns, rows = _cells(fit)
    align = ("left", *("right" for _ in columns[1:]))
    foot = _foot(fit)
    return "\n\n".join([_title(fit), grid(rows, columns, layout="github", align=align), *(["\n".join(foot)] if foot else [])])


def _markdown(results: Sequence[Result]) -> str:
    return "\n\n".join(not_read(one) if isinstance(one, Failure) else "\n".join(_section(one)) for one in results)


def _section(fit: Fit) -> Iterable[str]:
    columns, rows = _cells(fit)
    yield from (f"### What fits of {code(fit.report.model.origin.requested)}", "")
    yield from ("\n\n".join(map(cell, _title(fit).split("\n"))), "")
    yield from table(tuple(map(cell, columns)), rows)
    foot = _foot(fit)
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


_RENDERERS: Mapping[str, Callable[[Sequence[Result]], str]] = {
    "table": _table,
    "json": _json,
    "markdown": _markdown,
    "csv": _csv,
}
