"""The sentences and rows of a bill that the table and the markdown share."""

from collections.abc import Iterator

from memscan.bills import Answer, Bill, in_order, moments
from memscan.item import Basis, Item
from memscan.printable import safe
from memscan.report.words import scope_words, short
from memscan.units import iec_bytes, plural

COLUMNS = ("", "Bytes", "Size", "Basis", "Note")
ALIGN = ("left", "right", "right", "left", "left")


def bill_title(bill: Bill) -> str:
    """The model, the workload and the rule, in three lines."""
    model = bill.report.model
    commit = f" @ {model.origin.commit[:7]}" if model.origin.commit is not None else ""
    several = f"; of the fullest of {plural(bill.devices, 'device')}" if bill.devices > 1 else ""
    return "\n".join(
        (
            f"{safe(model.origin.name)}{commit}, {bill.command}: {safe(bill.title)}",
            f"Scope {scope_words(bill.report)}; rules of {bill.rule}{several}",
            *(safe(fact) for fact in bill.facts),
        )
    )


def bill_rows(bill: Bill) -> list[tuple[str, ...]]:
    """A row for each line, then the sums."""
    return [*map(_row, bill.items), *_sums(bill)]


def host_rows(bill: Bill) -> list[tuple[str, ...]]:
    """A row for each line that is in the memory of the CPU."""
    return [_row(item) for item in bill.host]


def share_rows(bill: Bill) -> list[tuple[str, ...]]:
    """A row for each stage of a pipeline."""
    return [(one.name, f"{one.nbytes:,}", iec_bytes(one.nbytes)) for one in bill.shares]


def _row(item: Item) -> tuple[str, ...]:
    when = f" ({', '.join(in_order(item.phases))})" if item.phases else ""
    size = ("?", "?") if item.nbytes is None else (f"{item.nbytes:,}", iec_bytes(item.nbytes))
    return (short(item.name) + when, *size, _basis(item), safe(item.note))


def _basis(item: Item) -> str:
    if item.basis is Basis.ASSUMED and item.least is not None and item.most is not None:
        return f"assumed: {iec_bytes(item.least)} to {iec_bytes(item.most)}"
    return item.basis.value


def _sums(bill: Bill) -> Iterator[tuple[str, ...]]:
    every = moments(bill.items)
    top = max(every, key=lambda one: one.nbytes)
    for one in every:
        if len(every) > 1:
            yield f"in {one.phase}", f"{one.nbytes:,}", iec_bytes(one.nbytes), "", ""
    low, high = max(one.low for one in every), max(one.high for one in every)
    stated = "" if low == high else f"{iec_bytes(low)} to {iec_bytes(high)}"
    name = "Total" if len(every) == 1 else f"Peak, in {top.phase}"
    unknown = f"at least: {plural(len(bill.unknown), 'line')} not known" if bill.unknown else ""
    yield name, f"{top.nbytes:,}", iec_bytes(top.nbytes), stated, unknown


def verdict_words(bill: Bill) -> tuple[str, ...]:
    """Whether it fits, and by how much."""
    found = bill.verdict
    if found is None:
        return ()
    device = found.device
    several = f" each of {found.count}" if found.count > 1 else ""
    room = f"{iec_bytes(found.margin)} left" if found.margin >= 0 else f"{iec_bytes(-found.margin)} too much"
    where = f"On{several} {safe(device.title)} ({iec_bytes(found.usable_bytes)} usable, {device.basis.value})"
    beside = "beside what is known" if found.answer is Answer.UNKNOWN else "at the peak"
    return (f"{where}: {found.answer.value}; {room} {beside} ({abs(found.margin):,} bytes)",)


def bill_notes(bill: Bill) -> list[str]:
    """A line for each note of the bill; those of the scan are in its own report."""
    return [safe(note.message) for note in bill.notes]


def explained(bill: Bill) -> list[str]:
    """Each line with its formula and where that is from."""
    return [line for item in (*bill.items, *bill.host) for line in _explained(item)]


def _explained(item: Item) -> Iterator[str]:
    amount = "not known" if item.nbytes is None else f"{item.nbytes:,} bytes"
    yield f"{short(item.name)}: {amount}, {_basis(item)}"
    for word, text in (("=", item.formula), ("note:", item.note), ("source:", item.source)):
        if text:
            yield f"  {word} {safe(text)}"
