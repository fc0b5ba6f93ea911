"""A drawing: shapes and words that become one SVG document, in which nothing of a stranger is markup."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

from memscan.printable import safe
from memscan.report.picture.lettering import fitted, lines, width
from memscan.report.picture.style import STYLE

WIDE, NARROW = 960, 360
"""Widths of a drawing: for pages, and for telephones."""
MARGIN = 16
LINE = 20  # from one line of words to the next
STEP = 8  # between two lines of a hatching
LONGEST_TITLE = 60  # characters of a name that shows when it is pointed at


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Width by height."""
        return self.width * self.height


@dataclass(slots=True, kw_only=True)
class Drawing:
    """Shapes in the order in which they are drawn; grows downwards."""

    width: int
    title: str
    """What it is, in words; what a screen reader says first."""
    words: list[str] = field(default_factory=list)
    """The same numbers in words, a sentence each."""
    columns: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)
    """The same numbers again, as a table: the first column names what the others count."""
    shapes: list[str] = field(default_factory=list)
    y: float = MARGIN
    """Where the next line starts."""

    def rect(self, box: Box, kind: str, title: str = "", *, round_by: float = 0) -> None:
        """An area of `kind`; `title` shows when it is pointed at."""
        corner = f' rx="{number(round_by)}"' if round_by else ""
        start = (
            f'<rect class="{kind}" x="{number(box.x)}" y="{number(box.y)}" width="{number(box.width)}"'
            f' height="{number(box.height)}"{corner}'
        )
        self.shapes.append(f"{start}><title>{quoted(title)}</title></rect>" if title else f"{start}/>")

    def text(self, x: float, y: float, text: str, kind: str = "ink", *, room: float, size: float = 13) -> bool:
        """One line of words with its foot at `y`, cut to `room`; False where not even its beginning has room."""
        shown = fitted(safe(text), room, size)
        if shown:
            self.shapes.append(f'<text class="{kind}" x="{number(x)}" y="{number(y)}">{quoted(shown)}</text>')
        return bool(shown)

    def note(self, x: float, y: float, text: str, kind: str, *, size: float) -> None:
        """Words on a ground of their own, over other shapes."""
        self.rect(Box(x=x - 4, y=y - 13, width=width(safe(text), size) + 8, height=18), "paper", round_by=3)
        self.text(x, y, text, kind, room=self.width, size=size)

    def path(self, steps: str, kind: str) -> None:
        """A line or an area along `steps`."""
        self.shapes.append(f'<path class="{kind}" d="{steps}"/>')

    def hatch(self, box: Box, way: str) -> None:
        """Lines over an area, so that it is told from its neighbours without its colour."""
        steps = "".join(_hatching(box, way))
        if steps:
            self.path(steps, "hatch")

    def paragraph(self, text: str, kind: str = "ink", *, size: float = 13) -> None:
        """Words over as many lines as they need, from the left margin."""
        for line in lines(safe(text), self.width - 2 * MARGIN, size):
            self.y += LINE if size >= 13 else LINE - 3
            self.text(MARGIN, self.y - 6, line, kind, room=self.width, size=size)

    def svg(self, *, y: float | None = None) -> str:
        """The document; at `y` of another one, a part of that."""
        height = self.y + MARGIN
        place = "" if y is None else f' y="{number(y)}" height="{number(height)}"'
        across = ' width="100%"' if y is None else f' width="{self.width}"'
        return "".join(
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" class="memscan" role="img" viewBox="0 0 {self.width} {number(height)}"',
                f"{place}{across}><title>{quoted(self.title)}</title><desc>{quoted(' '.join(self.words))}</desc>",
                f'<style>{STYLE}</style><rect class="paper" width="{self.width}" height="{number(height)}" rx="8"/>',
                *self.shapes,
                "</svg>",
            )
        )


def stacked(drawings: Iterable[Drawing]) -> str:
    """One document with all of `drawings`, each below the one before; the document of the only one."""
    every = list(drawings)
    if len(every) == 1:
        return every[0].svg()
    y, parts = 0.0, []
    for one in every:
        parts.append(one.svg(y=y))
        y += one.y + 2 * MARGIN
    across = max((one.width for one in every), default=WIDE)
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {number(max(y - MARGIN, 1))}" width="100%">'
    return "".join((start, *parts, "</svg>"))


def quoted(text: str) -> str:
    """`text` as words of XML and HTML, between tags or in an attribute: printable, and nothing in it is markup."""
    return escape(safe(text)).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")  # which XML 1.0 does not allow


def number(value: float) -> str:
    """A coordinate with one decimal at most."""
    return f"{value:.1f}".removesuffix(".0")


def _hatching(box: Box, way: str) -> Iterator[str]:
    """Lines across `box`, cut at its edges: both ways for `x`, else as the sign `way` lies."""
    left, top, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
    if way == "-":
        for index in range(int((box.height - 1) / STEP) + 1):
            yield f"M{number(left)} {number(top + index * STEP + STEP / 2)}H{number(right)}"
    if way == "|":
        for index in range(int((box.width - 1) / STEP) + 1):
            yield f"M{number(left + index * STEP + STEP / 2)} {number(top)}V{number(bottom)}"
    for slope in {"/": (1,), "\\": (-1,), "x": (1, -1)}.get(way, ()):
        for index in range(1, int((box.width + box.height) / STEP) + 1):
            along = index * STEP  # where the line starts on the left edge and the bottom edge, laid end to end
            low = (left + max(along - box.height, 0), top + min(along, box.height))
            high = (left + min(along, box.width), top + max(along - box.width, 0))
            (x1, y1), (x2, y2) = low, high
            if slope < 0:
                x1, x2 = left + right - x1, left + right - x2
            yield f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}"
