"""The parts of the page that show an answer, each a piece of HTML."""

from memscan import bills
from memscan.estimate import Report
from memscan.modules import Module, tree
from memscan.report.bill_words import COLUMNS as BILL_COLUMNS
from memscan.report.bill_words import bill_notes, bill_rows, bill_title, host_rows, verdict_words
from memscan.report.picture import NARROW, bill_picture, context_picture, tree_picture
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
from memscan.web.markup import grid, words

DEPTH = 5  # levels of the module tree
MOST = 2_000  # modules of it in one page
OPEN_SHARE = 0.5  # of a module that shows what is in it
MARKS = {
    bills.Answer.FITS: ("yes", "Fits"), bills.Answer.LIKELY: ("likely", "Likely"), bills.Answer.NO: ("no", "No"),
    bills.Answer.UNLIKELY: ("unlikely", "Unlikely"), bills.Answer.UNKNOWN: ("unknown", "Not known"),
}  # fmt: skip


def summary(answer: Answer) -> str:
    """What was found, the table of the seed, and the parts where there are several."""
    report = answer.report
    blocks = [_title(report), _figures(report)]
    caption = f"Memory usage for loading {report.model.origin.requested}"
    blocks.append(grid(caption, COLUMNS, ([words(cell) for cell in row] for row in rows(report))))
    blocks.append(f'<p class="ms-small">{words(FOOTNOTE)}</p>')
    blocks.append(_notes([note.message for note in report.notes]))
    return "".join(blocks)


def _title(report: Report) -> str:
    first, *more = title(report).split("\n")
    facts = first.partition(": ")[2]
    origin = report.model.origin
    name = f"<h2>{words(short(origin.name))}</h2>"
    tags = [origin.library, report.model.config.architecture if report.model.config is not None else None]
    tags += [f"@ {origin.commit[:7]}" if origin.commit else None]
    chips = "".join(f'<li class="ms-chip">{words(short(tag))}</li>' for tag in tags if tag)
    return (
        f'<header class="ms-title">{name}<ul class="ms-chips" aria-label="Library, class and commit">{chips}</ul></header>'
        f'<p class="ms-lead">{words(facts)}</p>' + "".join(f'<p class="ms-small">{words(line)}</p>' for line in more)
    )


def _figures(report: Report) -> str:
    scope = report.scopes[report.scope]
    layer = report.largest_layer
    figures = [
        ("Weights as stored", seed_bytes(scope.nbytes), f"{scope.nbytes:,} bytes"),
        ("Parameters", "packed" if scope.parameters is None else counted(scope.parameters), _exact(scope.parameters)),
    ]
    if layer is not None:
        figures.append(("Largest layer", seed_bytes(layer.nbytes), short(layer.name) or "(root)"))
    files = plural(len(report.model.checkpoint.shards), "file")
    figures.append(("Read from", files, report.model.checkpoint.format))
    items = "".join(
        f"<div><dt>{words(name)}</dt><dd><strong>{words(value)}</strong><span>{words(more)}</span></dd></div>"
        for name, value, more in figures
    )
    return f'<dl class="ms-figures">{items}</dl>'


def _exact(count: int | None) -> str:
    return "behind a quantization" if count is None else f"{count:,}"


def _notes(messages: list[str]) -> str:
    if not messages:
        return ""
    items = "".join(f"<li>{words(message)}</li>" for message in messages)
    return f'<section class="ms-notes"><h3>Notes</h3><ul>{items}</ul></section>'


def tree_panel(answer: Answer) -> str:
    """The treemap."""
    return _pictures("tree", tree_picture(answer.report), tree_picture(answer.report, width=NARROW))


def bill_panel(answer: Answer) -> str:
    """The bill as bars, then line by line."""
    bill = answer.bill
    if bill is None:
        return _lacking(answer)
    verdict = "".join(f'<p class="ms-verdict ms-{_mark(bill)}">{words(line)}</p>' for line in verdict_words(bill))
    title, *more = bill_title(bill).split("\n")
    table = _bill_table(title, bill_rows(bill))
    host = _bill_table("In the memory of the CPU", host_rows(bill)) if bill.host else ""
    facts = "".join(f'<p class="ms-small">{words(line)}</p>' for line in more)
    pictures = _pictures("bill", bill_picture(bill), bill_picture(bill, width=NARROW))
    return "".join((verdict, pictures, table, host, facts, _notes(bill_notes(bill))))


def _bill_table(caption: str, given: list[tuple[str, ...]]) -> str:
    rows = ([words(cell) for cell in row] for row in given)
    return grid(caption, ("Held", *BILL_COLUMNS[1:]), rows, texts=(0, 3, 4))


def _mark(bill: bills.Bill) -> str:
    return "unknown" if bill.verdict is None else MARKS[bill.verdict.answer][0]


def context_panel(answer: Answer) -> str:
    """Memory over the length of the context."""
    if answer.over is None:
        if answer.bill is None:
            return _lacking(answer)
        return '<p class="ms-empty">Training has no KV cache: choose inference to see memory over the context.</p>'
    return _pictures("context", context_picture(answer.over), context_picture(answer.over, width=NARROW))


def _lacking(answer: Answer) -> str:
    return f'<p class="ms-empty">{words(answer.lacking)}</p>'


def _pictures(name: str, wide: str, narrow: str) -> str:
    """A picture in two widths, of which one shows, with its downloads."""
    buttons = "".join(
        f'<button type="button" class="ms-button" data-picture="{name}" data-as="{kind}">Save as {kind.upper()}</button>'
        for kind in ("svg", "png")
    )
    return (
        f'<figure class="ms-picture themed"><div class="ms-wide">{wide}</div><div class="ms-narrow">{narrow}</div>'
        f'<figcaption class="ms-buttons">{buttons}</figcaption></figure>'
    )


def modules_panel(answer: Answer) -> str:
    """The components, the ways to hold them, and the module tree."""
    report = answer.report
    blocks = []
    if report.model.parts:
        parts = ([words(cell) for cell in row] for row in part_rows(report))
        blocks.append(grid("Components", PART_COLUMNS, parts, texts=(0, 1, 2)))
    if report.placements:
        blocks.append(
            grid("Ways to hold it", PLACEMENT_COLUMNS, ([words(cell) for cell in row] for row in placement_rows(report)))
        )
    root = tree(report.scopes[report.scope].tensors, DEPTH)
    left = [MOST]
    branches = "".join(_branch(child, root.nbytes, left, packed=_packed(report)) for child in root.children)
    blocks.append(f'<h3>Modules</h3><ul class="ms-tree">{branches}</ul>')
    if left[0] <= 0:
        blocks.append(f'<p class="ms-small">The first {MOST:,} modules; `memscan layers` shows them all.</p>')
    return "".join(blocks)


def _packed(report: Report) -> bool:
    return report.scopes[report.scope].parameters is None


def _branch(module: Module, total: int, left: list[int], *, packed: bool) -> str:
    if left[0] <= 0:
        return ""
    left[0] -= 1
    share = module.nbytes / total if total else 0.0
    parameters = "packed" if packed else counted(module.parameters)
    line = (
        f'<span class="ms-name">{words(short(module.name))}</span><span class="ms-meter" aria-hidden="true">'
        f'<span style="width:{share:.1%}"></span></span><span class="ms-share">{share:.1%}</span>'
        f'<span class="ms-size">{iec_bytes(module.nbytes)}</span><span class="ms-count">{parameters}</span>'
    )
    if not module.children:
        return f'<li><div class="ms-line">{line}</div></li>'
    below = "".join(_branch(child, total, left, packed=packed) for child in module.children)
    is_open = " open" if share > OPEN_SHARE else ""
    return f'<li><details{is_open}><summary class="ms-line">{line}</summary><ul>{below}</ul></details></li>'


def devices_panel(answer: Answer) -> str:
    """What it fits on."""
    if not answer.places:
        return _lacking(answer)
    held = min(filter(_first, answer.places), key=lambda place: place.device.usable_bytes, default=None)
    text = f"None of these devices holds it alone: {answer.ways[0]}."
    if held is not None:
        text = (
            f"The smallest that holds it ({answer.ways[0]}): {held.device.title}, {iec_bytes(held.device.usable_bytes)} usable."
        )
    table = grid(
        f"Fits on, by {'ways to train' if answer.query.work == 'training' else 'dtype of the weights'}",
        ("Device", "Usable", *answer.ways),
        (
            [words(place.device.title), iec_bytes(place.device.usable_bytes), *(_fits(cell) for cell in place.cells)]
            for place in answer.places
        ),
    )
    asked = f"{answer.bill.title}; sizes are those of the fullest moment" if answer.bill is not None else ""
    return f'<p class="ms-lead">{words(text)}</p>{table}<p class="ms-small">{words(asked)}</p>'


def _first(place: Place) -> bool:
    cell = place.cells[0] if place.cells else None
    return cell is not None and cell.fits in {bills.Answer.FITS, bills.Answer.LIKELY}


def _fits(cell: Cell | None) -> str:
    if cell is None:
        return '<span class="ms-fit ms-unknown">-</span>'
    kind, word = MARKS[cell.fits]
    return f'<span class="ms-fit ms-{kind}">{word}</span> <span class="ms-quiet">{iec_bytes(cell.nbytes)}</span>'
