"""How much room words take, so that they are cut before they run into each other.

No font is known here; the widths are those of wide ones (Verdana, DejaVu Sans), so that narrower fonts have room to spare.
"""

from unicodedata import east_asian_width

CUT = "\u2026"
NARROW_LETTERS = frozenset("iljtfrI.,:;'|!()[]{}/\\ ")
WIDE_LETTERS = frozenset("mwMWOQGDHNU%@&+=<>~_\u2026\u2192")


def width(text: str, size: float) -> float:
    """The room that `text` takes at most, in letters of `size`."""
    return size * sum(map(_of, text))


def _of(letter: str) -> float:
    if letter in NARROW_LETTERS:
        return 0.4
    if letter in WIDE_LETTERS:
        return 0.9
    return 0.63 if letter.isascii() else 1.1 if east_asian_width(letter) in "WF" else 0.9


def fitted(text: str, room: float, size: float) -> str:
    """`text`, cut to `room`; nothing where three letters have no room."""
    if width(text, size) <= room:
        return text
    left, kept = room - width(CUT, size), []
    for letter in text:
        left -= size * _of(letter)
        if left < 0:
            break
        kept.append(letter)
    return "".join(kept).rstrip(" .,:;(") + CUT if len(kept) >= 3 else ""


def lines(text: str, room: float, size: float) -> list[str]:
    """`text` over lines of `room`, parted between words; a word that is longer is cut."""
    found, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and width(longer, size) > room:
            found.append(line)
            longer = word
        line = longer
    return [*found, line]
