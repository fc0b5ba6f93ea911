"""Bills as bars: what is held at each moment, beside what the device has."""

from collections.abc import Sequence

from memscan.bills import Bill, Peak, moments, peak
from memscan.item import Item
from memscan.report.bill_words import bill_title, verdict_words
from memscan.report.picture.drawing import LINE, MARGIN, WIDE, Box, Drawing, number
from memscan.report.picture.kinds import HATCHES, HUES, Kind, Sum, sums
from memscan.report.picture.lettering import width
from memscan.report.picture.scale import Scale
from memscan.report.picture.treemap import key_rows
from memscan.report.words import short
from memscan.units import iec_bytes, plural

UNKNOWN = 46.0  # the width of what is not known, which is to no scale
THICK, THIN = 34, 14
WHISKER, GAP = 12, 4  # below a bar with a range, and without


def bill_drawing(bills: Sequence[Bill], size: int = WIDE) -> Drawing:
    """Each of `bills` as bars on one scale, `size` wide."""
    names = list(dict.fromkeys(short(bill.report.model.origin.name) for bill in bills))
    title = f"Memory for {' and '.join(dict.fromkeys(bill.command for bill in bills))} of {', '.join(names)}"
    drawing = Drawing(width=size, title=title)
    drawing.columns = ("When", "What", "Bytes", "Size", "Range", "Basis")
    drawing.y += 2
    drawing.paragraph(title, "ink big", size=17)
    unknown = any(bill.unknown for bill in bills)
    room = size - 2 * MARGIN - (UNKNOWN if unknown else 0)
    most = max((_most(bill) for bill in bills), default=1)
    scale = Scale(most=max(most, 1), start=MARGIN, room=room)
    for bill in bills:
        _bill(drawing, bill, scale)
    return drawing


def _most(bill: Bill) -> int:
    high = max(one.high for one in moments(bill.items))
    host = peak(bill.host).high if bill.host else 0
    return max(high, host, 0 if bill.verdict is None else bill.verdict.usable_bytes)


def _bill(drawing: Drawing, bill: Bill, scale: Scale) -> None:
    for line in bill_title(bill).split("\n"):
        drawing.paragraph(line, "quiet small", size=12)
        drawing.words.append(f"{line}.")
    every, top = moments(bill.items), bill.peak
    drawing.y += 4
    mark = None if bill.verdict is None else scale.at(bill.verdict.usable_bytes)
    if bill.verdict is not None:
        _device_name(drawing, bill, scale)
    for one in every:
        _moment(drawing, bill.items, one, scale, command=bill.command, thick=one == top, mark=mark)
        if mark is not None:
            _mark(drawing, mark, THICK if one == top else THIN, below=one.low != one.high)
    if bill.host:
        name = "in the memory of the CPU"
        _moment(drawing, bill.host, peak(bill.host), scale, command=bill.command, thick=False, mark=None, name=name)
    scale.axis(drawing)
    drawing.y += 6
    _key(drawing, bill, top)
    for line in verdict_words(bill):
        drawing.paragraph(line, "ink bold", size=14)
        drawing.words.append(f"{line}.")
    for item in bill.unknown:
        name = short(item.name).removeprefix("unknown: ")
        drawing.paragraph(f"Not known: {name}{f' ({item.note})' if item.note else ''}")
        drawing.words.append(f"Not known: {name}.")
    drawing.y += 10


def _mark(drawing: Drawing, x: float, height: int, *, below: bool) -> None:
    """The memory of the device across the bar that was drawn last."""
    bottom = drawing.y - (WHISKER if below else GAP)
    drawing.path(f"M{number(x)} {number(bottom - height - 3)}V{number(bottom + 3)}", "mark")


def _device_name(drawing: Drawing, bill: Bill, scale: Scale) -> None:
    """Above the line of the device, on the side where there is room."""
    found = bill.verdict
    if found is None:
        return
    x = scale.at(found.usable_bytes)
    text = f"{found.device.title}: {iec_bytes(found.usable_bytes)} usable"
    needed = width(text, 12) + 8
    room = drawing.width - 2 * MARGIN
    drawing.y += 18
    if x - MARGIN >= needed:
        drawing.text(x, drawing.y - 4, text, "warn small end", room=room, size=12)
    else:
        drawing.text(min(x, max(drawing.width - MARGIN - needed, MARGIN)), drawing.y - 4, text, "warn small", room=room, size=12)


def _moment(
    drawing: Drawing,
    items: Sequence[Item],
    one: Peak,
    scale: Scale,
    *,
    command: str,
    thick: bool,
    mark: float | None,
    name: str | None = None,
) -> None:
    """One bar with its name above, its sum, and the range of what it may be."""
    found = sums(items, one.phase)
    unknown = [item for part in found for item in part.unknown]
    label = name or (f"in {one.phase}" if one.phase is not None else "all the time")
    words = f"{label}: {'at least ' if unknown else ''}{iec_bytes(one.nbytes)}"
    if thick and one.phase is not None:
        words = f"{words}, the peak"
    _name(drawing, words, f"({iec_bytes(one.low)} to {iec_bytes(one.high)})" if one.low != one.high else "", thick=thick)
    drawing.words.append(f"{words}: {_spoken(found)}.")
    drawing.rows += [_cells(f"{command}, {label}", part) for part in found]
    drawing.rows.append((f"{command}, {label}", "sum", f"{one.nbytes:,}", iec_bytes(one.nbytes), *_range(one.low, one.high), ""))
    height, at = THICK if thick else THIN, 0
    for part in found:
        left, right = scale.at(at), scale.at(at + part.nbytes)
        at += part.nbytes
        if right - left >= 0.05:
            _segment(drawing, part, Box(x=left, y=drawing.y, width=right - left, height=height), labelled=thick, mark=mark)
    if unknown:
        _unknown(drawing, Box(x=scale.at(at), y=drawing.y, width=UNKNOWN - 6, height=height), len(unknown))
    middle = drawing.y + height + 5
    if one.low != one.high:
        low, high = scale.at(one.low), scale.at(one.high)
        drawing.path(f"M{low:.1f} {middle - 4:.1f}v8m0 -4H{high:.1f}m0 -4v8", "whisker")
    drawing.y += height + (WHISKER if one.low != one.high else GAP)


def _name(drawing: Drawing, words: str, several: str, *, thick: bool) -> None:
    """What a bar is, above it, with its range, which gets a line of its own where one has no room for both."""
    kind, room = "ink bold" if thick else "ink small", drawing.width - 2 * MARGIN
    both = f"{words} {several}".rstrip()
    for line in (both,) if width(both, 13) <= room else (words, several):
        if line:
            drawing.y += LINE
            drawing.text(MARGIN, drawing.y - 5, line, kind, room=room)
            kind = "quiet small"


def _segment(drawing: Drawing, part: Sum, box: Box, *, labelled: bool, mark: float | None) -> None:
    kind = HUES[part.kind]
    drawing.rect(box, kind, f"{part.kind.value}: {iec_bytes(part.nbytes)}")
    if HATCHES[part.kind]:
        drawing.hatch(box, HATCHES[part.kind])
    if not labelled:
        return
    lines = (part.kind.value, iec_bytes(part.nbytes))
    x = box.x + 6
    if mark is not None and x - 6 <= mark <= x + width(lines[0], 12):
        x = mark + 6  # the line of the device is not drawn over words
    for index, line in enumerate(lines):
        if x + width(line, 12) + 4 > box.x + box.width:
            return
        drawing.text(x, box.y + 15 + 14 * index, line, "ink small", room=box.width, size=12)


def _unknown(drawing: Drawing, box: Box, count: int) -> None:
    drawing.rect(box, "none", f"{plural(count, 'line')} not known, to no scale")
    drawing.hatch(box, "x")
    drawing.text(box.x + box.width / 2, box.y + min(box.height - 3, 22), "+ ?", "ink bold middle", room=box.width)


def _cells(name: str, part: Sum) -> tuple[str, ...]:
    if part.unknown and not part.nbytes:
        return (name, part.kind.value, "not known", "not known", "", part.basis)
    several = _range(part.low, part.high)
    return (name, part.kind.value, f"{part.nbytes:,}", iec_bytes(part.nbytes), *several, part.basis)


def _range(low: int, high: int) -> tuple[str]:
    return (f"{iec_bytes(low)} to {iec_bytes(high)}" if low != high else "",)


def _spoken(found: Sequence[Sum]) -> str:
    return ", ".join(f"{part.kind.value} {iec_bytes(part.nbytes)}" for part in found) or "nothing"


def _key(drawing: Drawing, bill: Bill, top: Peak) -> None:
    """What is held at the peak, and of what is not held then the most that another moment holds."""
    found = {part.kind: (part, "") for part in sums(bill.items, top.phase)}
    for one in moments(bill.items):
        for part in sums(bill.items, one.phase):
            if part.kind not in found or (found[part.kind][1] and part.nbytes > found[part.kind][0].nbytes):
                found[part.kind] = (part, f" in {one.phase}")
    rows = []
    for kind in (kind for kind in Kind if kind in found):
        part, when = found[kind]
        several = f"; {iec_bytes(part.low)} to {iec_bytes(part.high)}" if part.low != part.high else ""
        known = bool(part.nbytes) or not part.unknown
        amount = f"{iec_bytes(part.nbytes)}{when}, {part.basis}{several}" if known else "not known"
        rows.append((kind.value, amount, HUES[kind], HATCHES[kind]))
    key_rows(drawing, rows, 2 if drawing.width >= WIDE else 1)
