"""The sentences and rows of what fits that the table, the markdown and the page share."""

from memscan.bills import Answer
from memscan.fit import Fit, Largest, Row
from memscan.printable import safe
from memscan.report.words import scope_words
from memscan.units import iec_bytes, plural

WORDS = {
    Answer.FITS: "yes", Answer.LIKELY: "yes, if assumed lines hold", Answer.UNLIKELY: "no, unless assumed lines are lower",
    Answer.NO: "no", Answer.UNKNOWN: "not known",
}  # fmt: skip


def fit_title(fit: Fit) -> str:
    """What was asked of which model, in two lines."""
    model, workload = fit.report.model, fit.workload
    commit = f" @ {model.origin.commit[:7]}" if model.origin.commit is not None else ""
    several = f", on {fit.count} of a device each" if fit.count > 1 else ""
    asked = f"{plural(workload.batch, 'sequence')} of {workload.context:,} tokens"
    return f"{safe(model.origin.name)}{commit}: {asked}, {workload.engine}{several}\nScope {scope_words(fit.report)}"


def fit_cells(fit: Fit) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
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


def fit_foot(fit: Fit) -> list[str]:
    """What the cells are, and what is to be said beside them."""
    several = len({row.device.name for row in fit.rows}) > 1
    what = f"Cells: the largest context of {plural(fit.workload.batch, 'sequence')}; - where none fits." if several else ""
    return [*([what] if what else []), *(f"Note: {safe(note.message)}" for note in fit.notes)]
