"""Which branches a treemap shows, and where: the large ones opened as far as there is room, the small ones summed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from memscan.report.picture.branches import Branch, largest_first
from memscan.report.picture.drawing import Box
from memscan.report.picture.squarify import squarify, strips
from memscan.units import plural

MOST = 420  # tiles and groups
WIDEST = 160  # branches of one
SMALLEST = 240.0  # the area of a tile that is worth its edge
HEAD, EDGE = 19, 3  # of a group: the line with its name, and what is left at its sides
OPENED = (64.0, 52.0)  # the least width and height of a group
ROOT_SHOWN = 40  # branches of the whole, however small
ALIKE = 1.5
"""How much larger the largest of numbered blocks may be than the smallest."""
MORE = "more"
SEVERAL = ""
"""The kind of what is summed up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One branch in its place."""

    branch: Branch
    box: Box
    level: int
    group: bool = False
    """Whether its branches are drawn inside."""


@dataclass(slots=True)
class _Plan:
    tiles: dict[int, Tile] = field(default_factory=dict)
    waiting: list[tuple[float, int, tuple[int, ...]]] = field(default_factory=list)
    next: int = 0

    def add(self, branches: Sequence[Branch], boxes: Sequence[Box], level: int) -> None:
        """Tiles, and those among them that may be opened; numbered ones are opened all or none."""
        numbered: list[int] = []
        for branch, box in zip(branches, boxes, strict=True):
            self.tiles[self.next] = Tile(branch=branch, box=box, level=level)
            if branch.numbered:
                numbered.append(self.next)
            elif branch.branches:
                heappush(self.waiting, (-box.area, self.next, (self.next,)))
            self.next += 1
        if numbered:
            heappush(self.waiting, (-sum(self.tiles[one].box.area for one in numbered), numbered[0], tuple(numbered)))


def plan(root: Branch, box: Box) -> list[Tile]:
    """The tiles of `root` in `box`, a group before what is in it; the bytes of those that are no groups sum to its own."""
    found = _Plan()
    first = _shown(root, box, least=ROOT_SHOWN) or [root]
    found.add(first, laid(first, box), 0)
    while found.waiting:
        _, _, batch = heappop(found.waiting)
        opened = [(key, _shown(found.tiles[key].branch, inside(found.tiles[key].box))) for key in batch]
        if not all(len(shown) > 1 and _roomy(found.tiles[key].box) for key, shown in opened if found.tiles[key].branch.branches):
            continue
        if found.next + sum(len(shown) for _, shown in opened) > MOST:
            continue
        for key, shown in opened:
            tile = found.tiles[key]
            if shown:
                found.tiles[key] = Tile(branch=tile.branch, box=tile.box, level=tile.level, group=True)
                room = inside(tile.box)
                found.add(shown, laid(shown, room), tile.level + 1)
    return list(found.tiles.values())


def inside(box: Box) -> Box:
    """What a group leaves for its branches."""
    return Box(x=box.x + EDGE, y=box.y + HEAD, width=max(box.width - 2 * EDGE, 0), height=max(box.height - HEAD - EDGE, 0))


def _roomy(box: Box) -> bool:
    return box.width >= OPENED[0] and box.height >= OPENED[1]


def _shown(branch: Branch, room: Box, *, least: int = 0) -> list[Branch]:
    """The branches that are worth a tile in `room`, or `least` of them, and the sum of the others as one more."""
    every = _ordered(branch.branches)
    worth = SMALLEST * branch.nbytes / room.area if room.area else float("inf")
    count = sum(one.nbytes >= worth for one in every[:WIDEST])
    if count < 2:
        count = max(count, min(least, len(every)))
    if len(every) - count == 1 and count:
        return every  # the sum of one is that one
    return [*every[:count], *_more(branch, every[count:])] if count else []


def _more(branch: Branch, rest: Sequence[Branch]) -> Iterator[Branch]:
    if rest:
        name = f"{plural(len(rest), 'smaller module')} of {branch.name or 'the model'}"
        nbytes = sum(one.nbytes for one in rest)
        yield Branch(label=f"{len(rest):,} {MORE}", name=name, kind=SEVERAL, nbytes=nbytes, summed=tuple(rest))


def laid(shown: Sequence[Branch], room: Box) -> list[Box]:
    """A box for each: numbered blocks of about the same size in rows that are read like words, all else as near to squares."""
    amounts = [one.nbytes for one in shown]
    if len(shown) >= 4 and all(one.numbered for one in shown) and max(amounts) <= ALIKE * min(amounts):
        return strips(amounts, room)
    return squarify(amounts, room)


def _ordered(branches: Sequence[Branch]) -> list[Branch]:
    amounts = [one.nbytes for one in branches]
    alike = all(one.numbered for one in branches) and max(amounts, default=0) <= ALIKE * min(amounts, default=0)
    return list(branches) if alike else largest_first(branches)
