"""Areas in proportion to amounts, as near to squares as they get.

M. Bruls, K. Huizing, J. van Wijk, "Squarified Treemaps" (2000), https://www.win.tue.nl/~vanwijk/stm.pdf.
"""

from collections.abc import Iterator, Sequence

from memscan.report.picture.drawing import Box


def squarify(amounts: Sequence[int], box: Box) -> list[Box]:
    """A box for each of `amounts`, positive and the largest first, which together fill `box`."""
    total = sum(amounts)
    return list(_rows([box.area * amount / total for amount in amounts], box)) if total else []


def _rows(areas: Sequence[float], box: Box) -> Iterator[Box]:
    start = 0
    while start < len(areas):
        side = min(box.width, box.height)
        end, row, worst = start, 0.0, float("inf")
        while end < len(areas):
            longer = row + areas[end]
            ratio = _ratio(areas[start], areas[end], longer, side)
            if ratio > worst:
                break
            end, row, worst = end + 1, longer, ratio
        depth = row / side if side else 0.0
        yield from _laid(areas[start:end], box, depth)
        if box.width >= box.height:
            box = Box(x=box.x + depth, y=box.y, width=max(box.width - depth, 0), height=box.height)
        else:
            box = Box(x=box.x, y=box.y + depth, width=box.width, height=max(box.height - depth, 0))
        start = end


def _ratio(largest: float, smallest: float, row: float, side: float) -> float:
    """How far from a square the worst of a row is."""
    if not (smallest and side):
        return float("inf")
    return max(side * side * largest / (row * row), row * row / (side * side * smallest))


def _laid(areas: Sequence[float], box: Box, depth: float) -> Iterator[Box]:
    """A row along the shorter side."""
    at, side = 0.0, min(box.width, box.height)
    for area in areas:
        length = min(area / depth, side - at) if depth else 0.0
        if box.width >= box.height:
            yield Box(x=box.x, y=box.y + at, width=depth, height=length)
        else:
            yield Box(x=box.x + at, y=box.y, width=length, height=depth)
        at += length


WIDER = 1.25  # how much wider than high a box with words is


def strips(amounts: Sequence[int], box: Box) -> list[Box]:
    """A box for each of `amounts`, positive and of about the same size, in rows from left to right and from top to bottom."""
    count, total = len(amounts), sum(amounts)
    rows = min(range(1, count + 1), key=lambda rows: _oblong(box.width * rows / count, box.height / rows))
    found, y = [], box.y
    for row in range(rows):
        inside = amounts[count * row // rows : count * (row + 1) // rows]
        height = box.height * sum(inside) / total
        x = box.x
        for amount in inside:
            width = box.width * amount / sum(inside)
            found.append(Box(x=x, y=y, width=width, height=height))
            x += width
        y += height
    return found


def _oblong(width: float, height: float) -> float:
    ratio = width / (height * WIDER) if height else 1.0
    return max(ratio, 1 / ratio) if ratio else float("inf")
