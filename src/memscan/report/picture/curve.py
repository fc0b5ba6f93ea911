"""Memory over the length of the context: what is held at each, beside what the device has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memscan.fit import OverContext, Point
from memscan.report.picture.drawing import LINE, MARGIN, WIDE, Drawing, number
from memscan.report.picture.kinds import HUES, Kind, sums
from memscan.report.picture.lettering import width
from memscan.report.picture.scale import ticks
from memscan.report.picture.treemap import key_rows
from memscan.report.words import short
from memscan.units import iec_bytes, plural

LEFT = 82  # for the words of the axis
SPOKEN = 6  # contexts that the description names
BEYOND = 4  # how many times what is asked a device may have, to be in the picture to scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Where contexts and bytes stand."""

    right: float
    top: float
    bottom: float
    most: int
    longest: int

    def x(self, context: int) -> float:
        """Of so many tokens."""
        return LEFT + (self.right - LEFT) * context / self.longest

    def y(self, nbytes: int) -> float:
        """Of so many bytes."""
        return self.bottom - (self.bottom - self.top) * nbytes / self.most


def context_drawing(found: OverContext, size: int = WIDE) -> Drawing:
    """Areas on top of each other, by context, `size` wide."""
    title = f"Memory of {short(found.report.model.origin.name)} over the length of the context"
    drawing = Drawing(width=size, title=title)
    drawing.y += 2
    drawing.paragraph(title, "ink big", size=17)
    asked = f"{plural(found.workload.batch, 'sequence')}, weights {found.dtype}, {found.workload.engine}; at the fullest moment"
    drawing.paragraph(asked, "quiet small", size=12)
    drawing.words.append(f"{asked}.")
    if found.grows:
        _plot(drawing, found)
        _key(drawing, found)
    for line in _said(found):
        drawing.paragraph(line, "ink bold", size=14)
        drawing.words.append(f"{line}.")
    for name in sorted({item.name for item in found.points[-1].items if item.nbytes is None}):
        drawing.paragraph(f"Not known, and not in the picture: {short(name)}")
        drawing.words.append(f"Not known: {short(name)}.")
    return drawing


def _plot(drawing: Drawing, found: OverContext) -> None:
    most = max(one.peak.nbytes for one in found.points)
    usable = None if found.device is None else found.device.usable_bytes
    if usable is not None and usable <= BEYOND * most:
        most = max(most, usable)
    wide = drawing.width >= WIDE
    top = drawing.y + 30
    plot = Plot(
        right=drawing.width - MARGIN - 12, top=top, bottom=top + (300 if wide else 230), most=max(most + most // 16, 1),
        longest=found.points[-1].context,
    )  # fmt: skip
    _axes(drawing, plot, wide=wide)
    for kind in _areas(drawing, found.points, plot):
        drawing.words.append(f"{kind}.")
    if usable is not None and found.device is not None and usable <= plot.most:
        _level(drawing, plot, plot.y(usable), f"{found.device.title}: {iec_bytes(usable)} usable")
        _crossed(drawing, plot, found, usable)
    own = next(one for one in found.points if one.context == found.workload.context or one is found.points[-1])
    _own(drawing, plot, own)
    drawing.y = plot.bottom + 44
    _table(drawing, found.points)
    spoken = found.points[:: max(len(found.points) // SPOKEN, 1)]
    drawing.words.extend(f"{plural(one.context, 'token')}: {iec_bytes(one.peak.nbytes)}." for one in spoken)


def _table(drawing: Drawing, points: Sequence[Point]) -> None:
    """The contexts of the picture, each with what it holds."""
    held = [{one.kind: one.nbytes for one in sums(point.items, point.peak.phase)} for point in points]
    kinds = [kind for kind in Kind if any(one.get(kind) for one in held)]
    drawing.columns = ("Tokens", *(kind.value for kind in kinds), "Sum", "Bytes")
    for point, one in zip(points, held, strict=True):
        parts = (iec_bytes(one.get(kind, 0)) for kind in kinds)
        drawing.rows.append((f"{point.context:,}", *parts, iec_bytes(point.peak.nbytes), f"{point.peak.nbytes:,}"))


def _axes(drawing: Drawing, plot: Plot, *, wide: bool) -> None:
    for nbytes in ticks(plot.most, 6):
        y = plot.y(nbytes)
        drawing.path(f"M{LEFT} {number(y)}H{number(plot.right)}", "line")
        drawing.text(LEFT - 8, y + 4, iec_bytes(nbytes) if nbytes else "0", "quiet small end", room=LEFT, size=12)
    for context in _contexts(plot.longest, 8 if wide else 4):
        x = plot.x(context)
        drawing.path(f"M{number(x)} {number(plot.bottom)}v5", "line")
        near_the_end = x > plot.right - 20
        kind = "quiet small end" if near_the_end else "quiet small middle"
        drawing.text(plot.right + 10 if near_the_end else x, plot.bottom + 19, f"{context:,}", kind, room=90, size=12)
    drawing.text((LEFT + plot.right) / 2, plot.bottom + 37, "tokens of one sequence", "quiet small middle", room=200, size=12)


def _contexts(longest: int, count: int) -> list[int]:
    """Round numbers of tokens up to the longest: models are made for powers of two, and some for others."""
    step = next(step for power in range(64) for step in (1 << power,) if longest <= step * count)
    return [index * step for index in range(longest // step + 1)]


def _areas(drawing: Drawing, points: Sequence[Point], plot: Plot) -> Iterator[str]:
    """One area for each kind, on top of those before it; each edge is the sum up to it."""
    held = [{one.kind: one.nbytes for one in sums(point.items, point.peak.phase)} for point in points]
    below = [0] * len(points)
    for kind in Kind:
        above = [low + one.get(kind, 0) for low, one in zip(below, held, strict=True)]
        if above == below:
            continue
        there = "L".join(f"{number(plot.x(p.context))} {number(plot.y(v))}" for p, v in zip(points, above, strict=True))
        back = "L".join(
            f"{number(plot.x(p.context))} {number(plot.y(v))}" for p, v in reversed(list(zip(points, below, strict=True)))
        )
        drawing.path(f"M{there}L{back}Z", HUES[kind])
        middle = len(points) * 3 // 4
        if plot.y(below[middle]) - plot.y(above[middle]) >= LINE:
            y = (plot.y(below[middle]) + plot.y(above[middle])) / 2 + 4
            drawing.text(plot.x(points[middle].context), y, kind.value, "ink small middle", room=200, size=12)
        yield f"{kind.value}: {iec_bytes(held[0].get(kind, 0))} to {iec_bytes(held[-1].get(kind, 0))}"
        below = above


def _level(drawing: Drawing, plot: Plot, y: float, text: str) -> None:
    drawing.path(f"M{LEFT} {number(y)}H{number(plot.right)}", "mark")
    shown = text if width(text, 13) <= plot.right - LEFT - 20 else text.partition(": ")[2]
    left = plot.right - width(shown, 13) - 8
    above = y - 9 if y - 26 > plot.top - 20 else y + 20
    drawing.note(left, above, shown, "warn small bold", size=12.8)


def _crossed(drawing: Drawing, plot: Plot, found: OverContext, usable: int) -> None:
    """The largest context that fits, where the device's line cuts the sums."""
    if found.fits is None or found.fits.bounded or not found.fits.number:
        return
    x, y, text = plot.x(found.fits.number), plot.y(usable), f"{found.fits.number:,} fit"
    drawing.path(f"M{number(x)} {number(plot.bottom)}V{number(y)}", "mark")
    needed = width(text, 12.5)
    drawing.note(x + 8 if x + needed + 12 < plot.right else x - needed - 8, plot.bottom - 10, text, "warn small bold", size=12.5)


def _own(drawing: Drawing, plot: Plot, own: Point) -> None:
    """The context that was asked for."""
    x, y = plot.x(own.context), plot.y(own.peak.nbytes)
    drawing.path(f"M{number(x)} {number(plot.bottom)}V{number(y)}m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0", "whisker")
    text = f"{own.context:,}: {iec_bytes(own.peak.nbytes)}"
    needed = width(text, 12.5)
    left = min(max(x - needed / 2, LEFT + 4), plot.right - needed)
    drawing.note(left, max(y - 11, plot.top - 16), text, "ink small bold", size=12.5)


def _key(drawing: Drawing, found: OverContext) -> None:
    own = next(one for one in found.points if one.context == found.workload.context or one is found.points[-1])
    parts = sums(own.items, own.peak.phase)
    rows = [(one.kind.value, f"{iec_bytes(one.nbytes)} at {own.context:,}", HUES[one.kind], "") for one in parts if one.nbytes]
    key_rows(drawing, rows, 2 if drawing.width >= WIDE else 1)


def _said(found: OverContext) -> Iterator[str]:
    """Where the line of the device is crossed, in words."""
    if not found.grows:
        yield "The context changes nothing that is known of this model"
    if found.device is None:
        return
    where = f"On {found.device.title} ({iec_bytes(found.device.usable_bytes)} usable)"
    if found.fits is None:
        yield f"{where}: how many tokens fit is not known"
    elif not found.fits.number:
        yield f"{where}: not even one token fits"
    elif found.fits.bounded:
        yield f"{where}: all {found.fits.number:,} tokens fit"
    else:
        yield f"{where}: up to {found.fits.number:,} tokens fit"
