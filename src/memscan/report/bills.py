"""Bills in every output format."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence

from memscan.bills import Bill, in_order, moments
from memscan.item import Item
from memscan.printable import safe
from memscan.report.base import Failure
from memscan.report.bill_words import (
    ALIGN,
    COLUMNS,
    bill_notes,
    bill_rows,
    bill_title,
    explained,
    host_rows,
    share_rows,
    verdict_words,
)
from memscan.report.csv import guarded
from memscan.report.grid import grid
from memscan.report.json import SCHEMA, dumps, error_object, note_objects, target
from memscan.report.markdown import cell, code, not_read, table
from memscan.version import __version__

SHARE_COLUMNS = ("Devices", "Bytes", "Size")
CSV_COLUMNS = (
    "target",
    "commit",
    "scope",
    "command",
    "place",
    "line",
    "phases",
    "bytes",
    "basis",
    "least_bytes",
    "most_bytes",
    "note",
)
Result = Bill | Failure


def render_bills(results: Sequence[Result], output: str, *, explain: bool) -> str:
    """The bills in `output`, one of `memscan.report.FORMATS` or `PICTURES`; with formulas where people read them."""
    return _RENDERERS[output](results, explain)


def _table(results: Sequence[Result], explain: bool) -> str:
    return "\n\n".join(_one(result, explain) for result in results if isinstance(result, Bill))


def _one(bill: Bill, explain: bool) -> str:
    blocks = [bill_title(bill), grid(bill_rows(bill), COLUMNS, layout="github", align=ALIGN)]
    if bill.host:
        blocks.append(grid(host_rows(bill), ("In the memory of the CPU", *COLUMNS[1:]), layout="github", align=ALIGN))
    if bill.shares:
        blocks.append(grid(share_rows(bill), SHARE_COLUMNS, layout="github", align=ALIGN[:3]))
    if explain:
        blocks.append("\n".join(explained(bill)))
    last = [*verdict_words(bill), *(f"Note: {note}" for note in bill_notes(bill))]
    return "\n\n".join([*blocks, "\n".join(last)] if last else blocks)


def _markdown(results: Sequence[Result], explain: bool) -> str:
    return "\n\n".join(not_read(one) if isinstance(one, Failure) else "\n".join(_section(one, explain)) for one in results)


def _section(bill: Bill, explain: bool) -> list[str]:
    lines = [f"### Memory for {bill.command} of {code(bill.report.model.origin.requested)}", ""]
    lines += ["\n\n".join(map(cell, bill_title(bill).split("\n"))), "", *_columns(COLUMNS, bill_rows(bill))]
    if bill.host:
        lines += ["", *_columns(("In the memory of the CPU", *COLUMNS[1:]), host_rows(bill))]
    if bill.shares:
        lines += ["", *table(SHARE_COLUMNS, share_rows(bill))]
    if explain:
        lines += ["", "```", *explained(bill), "```"]
    last = [*verdict_words(bill), *bill_notes(bill)]
    return [*lines, "", *(f"- {cell(one)}" for one in last)] if last else lines


def _columns(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(columns)} |", "|:--|--:|--:|:--|:--|"]
    return [*lines, *(f"| {' | '.join(cell(value) for value in row)} |" for row in rows)]


def _json(results: Sequence[Result], explain: bool) -> str:  # noqa: ARG001 -- the formulas are always there
    objects = [bill_object(result) for result in results if isinstance(result, Bill)]
    if len(results) == 1 and objects:
        return dumps(objects[0])
    errors = [error_object(result) for result in results if isinstance(result, Failure)]
    return dumps({"schema": SCHEMA, "memscan": __version__, "bills": objects, "errors": errors})


def bill_object(bill: Bill) -> dict[str, object]:
    """A bill as the JSON object of schema 1; see docs/json.md."""
    top, found = bill.peak, bill.verdict
    every = moments(bill.items)
    return {
        "schema": SCHEMA,
        "memscan": __version__,
        "target": target(bill.report),
        "scope": bill.report.scope,
        "command": bill.command,
        "workload": bill.title,
        "rule": bill.rule,
        "devices": bill.devices,
        "facts": list(bill.facts),
        "items": [_item(item) for item in bill.items],
        "host_items": [_item(item) for item in bill.host],
        "phases": [{"name": one.phase, "bytes": one.nbytes, "low_bytes": one.low, "high_bytes": one.high} for one in every],
        "peak": {
            "phase": top.phase,
            "bytes": top.nbytes,
            "low_bytes": max(one.low for one in every),
            "high_bytes": max(one.high for one in every),
            "complete": not bill.unknown,
        },
        "shares": [{"name": one.name, "bytes": one.nbytes} for one in bill.shares],
        "verdict": None
        if found is None
        else {
            "device": found.device.name,
            "count": found.count,
            "usable_bytes": found.usable_bytes,
            "answer": found.answer.name.lower(),
            "margin_bytes": found.margin,
        },
        "notes": note_objects((*bill.report.notes, *bill.notes)),
    }


def _item(item: Item) -> dict[str, object]:
    return {
        "name": item.name,
        "bytes": item.nbytes,
        "basis": item.basis.value,
        "least_bytes": item.least,
        "most_bytes": item.most,
        "phases": in_order(item.phases),
        "note": item.note,
        "formula": item.formula,
        "source": item.source,
    }


def _csv(results: Sequence[Result], explain: bool) -> str:  # noqa: ARG001 -- a line of CSV has no room for formulas
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for bill in results:
        if isinstance(bill, Bill):
            origin = bill.report.model.origin
            before = (guarded(origin.requested), guarded(origin.commit or ""), bill.report.scope, bill.command)
            writer.writerows((*before, "device", *_cells(item)) for item in bill.items)
            writer.writerows((*before, "host", *_cells(item)) for item in bill.host)
    return text.getvalue().rstrip("\n")


def _cells(item: Item) -> tuple[object, ...]:
    blank = ["" if one is None else one for one in (item.nbytes, item.least, item.most)]
    phases = ", ".join(in_order(item.phases))
    return (guarded(item.name), phases, blank[0], item.basis.value, blank[1], blank[2], guarded(safe(item.note)))


def _html(results: Sequence[Result], explain: bool) -> str:
    from memscan.report.html.bills import bills_page

    return bills_page(results, explain=explain)


def _svg(results: Sequence[Result], explain: bool) -> str:  # noqa: ARG001 -- a picture has no room for formulas
    from memscan.report.picture import stacked
    from memscan.report.picture.bars import bill_drawing

    return stacked(bill_drawing([bill]) for bill in results if isinstance(bill, Bill))


_RENDERERS: Mapping[str, Callable[[Sequence[Result], bool], str]] = {
    "table": _table,
    "json": _json,
    "markdown": _markdown,
    "csv": _csv,
    "html": _html,
    "svg": _svg,
}
