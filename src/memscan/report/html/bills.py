"""Bills as sections of a page."""

from collections.abc import Iterator, Sequence

from memscan.bills import Bill
from memscan.fit import over_context
from memscan.report.base import Failure
from memscan.report.bill_words import (
    COLUMNS,
    bill_notes,
    bill_rows,
    bill_title,
    explained,
    host_rows,
    share_rows,
    verdict_words,
)
from memscan.report.html.figure import figure
from memscan.report.html.page import failed, folded, models_page, noted, paragraph, section, table
from memscan.report.html.reports import name_of
from memscan.report.picture.bars import bill_drawing
from memscan.report.picture.curve import context_drawing
from memscan.report.picture.drawing import quoted

TEXTS = (0, 3, 4)


def bills_page(results: Sequence[Bill | Failure], *, explain: bool) -> str:
    """The picture and the lines of each bill; of an inference, its memory over the context too."""
    names = [name_of(one if isinstance(one, Failure) else one.report) for one in results]
    command = next((one.command for one in results if isinstance(one, Bill)), "work")
    sections = [
        failed(one) if isinstance(one, Failure) else section(name, _bill(one, explain=explain))
        for name, one in zip(names, results, strict=True)
    ]
    return models_page(f"Memory for {command}", names, sections)


def _bill(bill: Bill, *, explain: bool) -> Iterator[str]:
    yield from map(paragraph, bill_title(bill).split("\n"))
    yield from (paragraph(line, "verdict") for line in verdict_words(bill))
    yield figure(lambda size: bill_drawing([bill], size))
    yield table(COLUMNS, bill_rows(bill), f"Every line of this {bill.command}", texts=TEXTS)
    if bill.host:
        yield table(COLUMNS, host_rows(bill), "In the memory of the CPU", texts=TEXTS)
    if bill.shares:
        yield table(("Devices", "Bytes", "Size"), share_rows(bill), "What each device holds")
    words = quoted("\n".join(explained(bill))).replace("\\n", "\n")
    yield folded("How each line comes about", f"<pre>{words}</pre>", opened=explain)
    if bill.workload is not None:
        found = over_context(bill.report, bill.workload, None if bill.verdict is None else bill.verdict.device)
        if found.grows:
            yield f"<h3>Over the length of the context</h3>{figure(lambda size: context_drawing(found, size))}"
    yield noted([*(note.message for note in bill.report.notes), *bill_notes(bill)])
