"""A picture in a page: drawn for wide and for narrow screens, with its numbers as a table below."""

from collections.abc import Callable

from memscan.report.html.page import SIZES, folded, table
from memscan.report.picture.drawing import Drawing

WORDS = frozenset({"Modules", "When", "What", "Basis"})
"""Columns of words."""


def figure(draw: Callable[[int], Drawing]) -> str:
    """What `draw` makes for each width."""
    drawings = [(kind, draw(size)) for kind, size in SIZES]
    pictures = "".join(f'<div class="{kind}">{drawing.svg()}</div>' for kind, drawing in drawings)
    first = drawings[0][1]
    if not first.rows:
        return f"<figure>{pictures}</figure>"
    texts = [index for index, name in enumerate(first.columns) if name in WORDS]
    numbers = table(first.columns, first.rows, first.title, texts=texts)
    return f"<figure>{pictures}{folded('The numbers of this picture', numbers)}</figure>"
