"""The parts of the page that show an answer, each a piece of HTML."""

from collections.abc import Callable, Iterator

from memscan import bills
from memscan.estimate import Report
from memscan.report.bill_words import COLUMNS as BILL_COLUMNS
from memscan.report.bill_words import bill_notes, bill_rows, bill_title, explained, host_rows, share_rows, verdict_words
from memscan.report.html.figure import figure
from memscan.report.html.modules import module_list
from memscan.report.html.page import folded, noted, paragraph, table
from memscan.report.picture.bars import bill_drawing
from memscan.report.picture.curve import context_drawing
from memscan.report.picture.drawing import Drawing, quoted
from memscan.report.picture.treemap import tree_drawing
from memscan.report.words import (
    COLUMNS,
    FOOTNOTE,
    PART_COLUMNS,
    PLACEMENT_COLUMNS,
    part_rows,
    placement_rows,
    rows,
    short,
    title,
)
from memscan.units import counted, iec_bytes, plural, seed_bytes
from memscan.web.answer import Answer, Cell, Place
from memscan.web.query import TRAINING

BILL_TEXTS = (0, 3, 4)
MARKS = {
    bills.Answer.FITS: "Fits", bills.Answer.LIKELY: "Likely", bills.Answer.UNLIKELY: "Unlikely", bills.Answer.NO: "No",
    bills.Answer.UNKNOWN: "Unknown",
}  # fmt: skip
"""One word for each answer, and in lower case its class in the style sheet."""
BETWEEN = "\t"  # the answer of a cell and its size; no name of a device holds it


def summary(answer: Answer) -> str:
    """What was found, and the table of the seed."""
    report = answer.report
    caption = f"Memory usage for loading {short(report.model.origin.requested)}"
    return "".join(
        (
            *_title(report),
            _figures(report),
            table(COLUMNS, rows(report), caption),
            paragraph(FOOTNOTE, "quiet"),
            _notes([note.message for note in report.notes]),
        )
    )


def _title(report: Report) -> Iterator[str]:
    first, *more = title(report).split("\n")
    origin, config = report.model.origin, report.model.config
    tags = (origin.library, None if config is None else config.architecture, origin.commit and f"@ {origin.commit[:7]}")
    chips = "".join(f"<li>{quoted(short(tag))}</li>" for tag in tags if tag)
    yield f'<header class="ms-title"><h2>{quoted(short(origin.name))}</h2><ul class="ms-chips">{chips}</ul></header>'
    yield paragraph(first.partition(": ")[2])
    yield from (paragraph(line, "quiet") for line in more)


def _figures(report: Report) -> str:
    scope, layer = report.scopes[report.scope], report.largest_layer
    count = scope.parameters
    figures = [
        ("Weights as stored", seed_bytes(scope.nbytes), f"{scope.nbytes:,} bytes"),
        ("Parameters", "packed", "") if count is None else ("Parameters", counted(count), f"{count:,}"),
    ]
    if layer is not None:
        figures.append(("Largest layer", seed_bytes(layer.nbytes), short(layer.name) or "(root)"))
    figures.append(("Read from", plural(len(report.model.checkpoint.shards), "file"), report.model.checkpoint.format))
    items = "".join(
        f"<div><dt>{quoted(name)}</dt><dd><strong>{quoted(value)}</strong><span>{quoted(more)}</span></dd></div>"
        for name, value, more in figures
    )
    return f'<dl class="ms-figures">{items}</dl>'


def _notes(messages: list[str]) -> str:
    return f'<section class="ms-notes">{noted(messages)}</section>' if messages else ""


def tree_panel(answer: Answer) -> str:
    """The treemap."""
    return _picture("modules", lambda size: tree_drawing(answer.report, size))


def bill_panel(answer: Answer) -> str:
    """The bill as bars, then line by line."""
    bill = answer.bill
    if bill is None:
        return _lacking(answer)
    kind = "" if bill.verdict is None else f" ms-{MARKS[bill.verdict.answer].lower()}"
    name, *facts = bill_title(bill).split("\n")
    blocks = [paragraph(line, f"ms-verdict{kind}") for line in verdict_words(bill)]
    blocks.append(_picture(bill.command, lambda size: bill_drawing([bill], size)))
    blocks.append(table(("Held", *BILL_COLUMNS[1:]), bill_rows(bill), name, texts=BILL_TEXTS))
    if bill.host:
        blocks.append(table(("Held", *BILL_COLUMNS[1:]), host_rows(bill), "In the memory of the CPU", texts=BILL_TEXTS))
    if bill.shares:
        blocks.append(table(("Devices", "Bytes", "Size"), share_rows(bill), "What each device holds"))
    blocks.extend(paragraph(fact, "quiet") for fact in facts)
    lines = "\n".join(map(quoted, explained(bill)))
    blocks.append(folded("How each line comes about", f"<pre>{lines}</pre>"))
    blocks.append(_notes(bill_notes(bill)))
    return "".join(blocks)


def context_panel(answer: Answer) -> str:
    """Memory over the length of the context."""
    over = answer.over
    if over is not None:
        return _picture("context", lambda size: context_drawing(over, size))
    if answer.bill is None:
        return _lacking(answer)
    return paragraph("A training step keeps no KV cache: choose Inference to see memory over the context.", "ms-empty")


def _lacking(answer: Answer) -> str:
    return paragraph(answer.lacking, "ms-empty")


def _picture(name: str, draw: Callable[[int], Drawing]) -> str:
    """A picture with its numbers and its downloads."""
    buttons = "".join(
        f'<button type="button" class="ms-button" data-picture="{name}" data-as="{kind}">Save as {kind.upper()}</button>'
        for kind in ("svg", "png")
    )
    return f'<div class="ms-picture themed">{figure(draw)}<p class="ms-buttons">{buttons}</p></div>'


def modules_panel(answer: Answer) -> str:
    """The components, the ways to hold them, and the module tree."""
    report = answer.report
    blocks = []
    if report.model.parts:
        blocks.append(table(PART_COLUMNS, part_rows(report), "Components", texts=(0, 1, 2)))
    if report.placements:
        blocks.append(table(PLACEMENT_COLUMNS, placement_rows(report), "Ways to hold it", texts=(0, 2)))
    return f"{''.join(blocks)}<h3>Modules</h3>{module_list(report)}"


def devices_panel(answer: Answer) -> str:
    """What it fits on."""
    if not answer.places or answer.bill is None:
        return _lacking(answer)
    way = answer.ways[0]
    held = min(filter(_first, answer.places), key=lambda place: place.device.usable_bytes, default=None)
    text = f"None of these devices holds it alone: {way}."
    if held is not None:
        text = f"The smallest that holds it ({way}): {held.device.title}, {iec_bytes(held.device.usable_bytes)} usable."
    caption = "Fits on, by way to train" if answer.query.work == TRAINING else "Fits on, by dtype of the weights"
    shown = table(("Device", "Usable", *answer.ways), map(_place, answer.places), caption, cell=_cell)
    return f"{paragraph(text)}{shown}{paragraph(f'{answer.bill.title}; sizes are those of the fullest moment', 'quiet')}"


def _first(place: Place) -> bool:
    cell = place.cells[0] if place.cells else None
    return cell is not None and cell.fits in {bills.Answer.FITS, bills.Answer.LIKELY}


def _place(place: Place) -> tuple[str, ...]:
    return (place.device.title, iec_bytes(place.device.usable_bytes), *map(_said, place.cells))


def _said(cell: Cell | None) -> str:
    return "-" if cell is None else f"{MARKS[cell.fits]}{BETWEEN}{iec_bytes(cell.nbytes)}"


def _cell(text: str) -> str:
    word, tab, size = text.partition(BETWEEN)
    return quoted(word) if not tab else f'<span class="ms-fit ms-{quoted(word.lower())}">{quoted(word)}</span> {quoted(size)}'
