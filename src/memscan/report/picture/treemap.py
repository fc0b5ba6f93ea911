"""Where the bytes are: modules as areas in proportion to what they take."""

from collections.abc import Iterable, Sequence

from memscan.estimate import Report
from memscan.report.picture.branches import Branch, branches
from memscan.report.picture.drawing import LONGEST_TITLE, MARGIN, WIDE, Box, Drawing
from memscan.report.picture.lettering import width
from memscan.report.picture.plan import HEAD, SEVERAL, Tile, plan
from memscan.report.picture.style import GREY, HUES
from memscan.report.words import scope_words, short
from memscan.units import plural, seed_bytes

FOOT = "1 MB = 1,048,576 bytes. Areas are in proportion to bytes, but for the edges of groups."
SMALLEST_SHARE = 0.003  # of what has a hue of its own
MOSTLY = 0.8  # of what is summed up, to have the hue of that
SPOKEN = 12  # modules that the description names


def tree_drawing(report: Report, size: int = WIDE) -> Drawing:
    """The treemap of the scope of `report`, `size` wide."""
    root = branches(report)
    count = len(report.scopes[report.scope].tensors)
    name = short(report.model.origin.name)
    drawing = Drawing(width=size, title=f"Where the bytes of {name} are")
    drawing.y += 2
    drawing.paragraph(f"Where the bytes of {name} are", "ink big", size=17)
    total = f"{seed_bytes(root.nbytes)} as stored, in {plural(count, 'tensor')}; scope {scope_words(report)}"
    drawing.paragraph(total, "quiet")
    drawing.words.append(f"{total}.")
    drawing.y += 6
    if not root.nbytes:
        drawing.paragraph("There is nothing to show: no tensor takes a byte.")
        drawing.words.append("No tensor takes a byte.")
        return drawing
    height = 520 if size >= WIDE else 560
    box = Box(x=MARGIN, y=drawing.y, width=size - 2 * MARGIN, height=height)
    tiles = plan(root, box)
    kinds = sums(tile.branch for tile in tiles if not tile.group)
    worth = [kind for kind, nbytes in kinds.items() if nbytes >= root.nbytes * SMALLEST_SHARE]
    hues = dict(zip(worth, HUES, strict=False))
    for tile in tiles:
        _draw(drawing, tile, root.nbytes, hues)
    drawing.y += height + 8
    _legend(drawing, kinds, hues, root.nbytes)
    drawing.paragraph(FOOT, "quiet small", size=12)
    return drawing


def sums(leaves: Iterable[Branch]) -> dict[str, int]:
    """The bytes of each kind, the largest first."""
    found: dict[str, int] = {}
    for leaf in leaves:
        for one in leaf.summed or (leaf,):
            found[one.kind] = found.get(one.kind, 0) + one.nbytes
    return dict(sorted(found.items(), key=lambda one: -one[1]))


def share_of(nbytes: int, total: int) -> str:
    """`12.3 %`."""
    percent = 100 * nbytes / total
    return f"{percent:.1f} %" if percent >= 0.1 or not nbytes else "under 0.1 %"


def _main_kind(branch: Branch) -> str:
    """Its kind; of several that of most of them."""
    kind, nbytes = next(iter(sums([branch]).items()))
    return kind if nbytes >= MOSTLY * branch.nbytes else SEVERAL


def _draw(drawing: Drawing, tile: Tile, total: int, hues: dict[str, str]) -> None:
    branch, box = tile.branch, tile.box
    nbytes, share = seed_bytes(branch.nbytes), share_of(branch.nbytes, total)
    shown = Box(x=box.x + 1, y=box.y + 1, width=max(box.width - 2, 0.2), height=max(box.height - 2, 0.2))
    name = branch.name if len(branch.name) <= LONGEST_TITLE else f"...{branch.name[-LONGEST_TITLE:]}"
    title = f"{name or branch.label}: {nbytes}, {share}"
    kind = "frame" if tile.group else hues.get(_main_kind(branch), GREY)
    drawing.rect(shown, kind, title, round_by=3 if min(box.width, box.height) > 12 else 0)
    room, left = box.width - 12, box.x + 6
    label = branch.label or "the model"
    if tile.group:
        if drawing.text(left, box.y + 14, label, "ink small bold", room=room, size=12.8):
            used = width(label, 12.8) + 8
            words = next((one for one in (f"{nbytes}, {share}", nbytes) if used + width(one, 12) <= room), None)
            if words is not None:
                drawing.text(left + used, box.y + 14, words, "quiet small", room=room - used, size=12)
        return
    if box.height < HEAD or room < 10:
        return
    if drawing.text(left, box.y + 15, label, "ink small", room=room, size=12) and box.height >= 36 and width(nbytes, 12) <= room:
        drawing.text(left, box.y + 30, nbytes, "ink small", room=room, size=12)
        if box.height >= 52 and width(share, 12) <= room:
            drawing.text(left, box.y + 45, share, "ink small", room=room, size=12)


def _legend(drawing: Drawing, kinds: dict[str, int], hues: dict[str, str], total: int) -> None:
    """Every hue with what it stands for, and the sum of it: the sums are the whole."""
    grey = [kind for kind in kinds if kind not in hues]
    rows = [(kind, nbytes, hues[kind]) for kind, nbytes in kinds.items() if kind in hues]
    if grey:
        label = grey[0] or "(root)" if len(grey) == 1 else "all others"
        rows.append((label, sum(kinds[kind] for kind in grey), GREY))
    drawing.words.extend(
        f"{short(label)}: {seed_bytes(nbytes)}, {share_of(nbytes, total)}." for label, nbytes, _ in rows[:SPOKEN]
    )
    drawing.columns = ("Modules", "Bytes", "Size", "Share")
    drawing.rows += [(label, f"{nbytes:,}", seed_bytes(nbytes), share_of(nbytes, total)) for label, nbytes, _ in rows]
    drawing.rows.append(("Total", f"{total:,}", seed_bytes(total), share_of(total, total)))
    columns = 2 if drawing.width >= WIDE else 1
    key_rows(
        drawing, [(label, f"{seed_bytes(nbytes)}, {share_of(nbytes, total)}", hue, "") for label, nbytes, hue in rows], columns
    )


def key_rows(drawing: Drawing, rows: Sequence[tuple[str, str, str, str]], columns: int) -> None:
    """The key: a sample of each area (its hue and its hatching), what it is, and how much.

    Of the amount the last part, after a semicolon, is left out where it has no room.
    """
    each = (drawing.width - 2 * MARGIN) / columns
    down = -(-len(rows) // columns)
    for index, (label, amount, hue, way) in enumerate(rows):
        x, y = MARGIN + each * (index // down), drawing.y + 22 * (index % down)
        sample = Box(x=x, y=y + 3, width=18, height=14)
        drawing.rect(sample, hue, round_by=2)
        drawing.hatch(sample, way)
        shown = amount if width(label, 13) + width(amount, 13) <= each - 58 else amount.partition(";")[0]
        drawing.text(x + 26, y + 15, label, room=each - 58 - width(shown, 13))
        drawing.text(x + each - (20 if columns > 1 else 0), y + 15, shown.replace(";", ","), "ink end", room=each)
    drawing.y += 22 * down + 4
