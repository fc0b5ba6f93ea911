"""Which tensor of a class a stored name means.

As `rename_source_key` of transformers does (src/transformers/core_model_loading.py): every rename that matches, then one
converter at most, then the base model's prefix, taken away or put before, so that a checkpoint of one class serves another.
"""

import re
from typing import NamedTuple

from memscan.architecture import CONVERTER, Layout

STAR = "*"
ANY = 9_000_000_000  # stands for any number, the first one of a name
NUMBER = re.compile(r"(?<![^.])(?:expert_)?(\d+)(?![^.])")  # a component that is one, or numbers an expert
ANYWHERE = re.compile(r"(9000\d{6})")
LITERAL = re.compile(r"(?<!\\)(?<!P<g)\d+")  # a number in a rule of the table that stands for itself, or for how often


def starred(name: str) -> str:
    """`name` with a `*` for every component that is a number, or numbers an expert."""
    return ".".join(map(_pattern, name.split(".")))


def _pattern(part: str) -> str:
    if part.isdigit():
        return STAR
    return "expert_*" if part.startswith("expert_") and part[7:].isdigit() else part


class Found(NamedTuple):
    """A stored name in the class."""

    name: str
    """Its own name there."""
    patterns: tuple[str, ...]
    """Of that name, and of others that are made from the same tensor."""


class Names:
    """Finds the names of a class; what is found for one layer is found for all."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._saved = frozenset(name for name, one in layout.expected.items() if one.kind != "n")
        self._there = frozenset(name for name in self._saved if layout.expected[name].count != 0)
        self._renamings = [one for one in layout.renames if one.kind != CONVERTER]
        self._converters = [one for one in layout.renames if one.kind == CONVERTER]
        self._known: dict[str, _Known | None] = {}
        # What a rename makes of one layer it makes of all, but for those that it names.
        self._named = frozenset(number for one in layout.renames for number in LITERAL.findall(one.pattern))
        self._counts = any(one.kind.startswith("offset") for one in layout.renames)
        self._opaque = tuple(f"{at}." for at in layout.opaque)

    def find(self, name: str) -> "Found | None":
        """The names that the stored `name` has in the class; None where the class has none."""
        alike, numbers = (name, []) if self._counts else self._alike(name)
        if alike not in self._known:
            names = self._resolve(_filled(alike, [str(ANY + place) for place in range(len(numbers))]))
            self._known[alike] = None if names is None else _Known(alike, names, len(numbers))
        known = self._known[alike]
        return None if known is None else Found(name if known.is_same else known.name(numbers), known.patterns)

    def _alike(self, name: str) -> tuple[str, list[str]]:
        """What all names have in common that differ from this one in numbers that no rule names, and these numbers."""
        pieces = NUMBER.split(name)
        numbers = pieces[1::2]
        if "expert_" not in name and self._named.isdisjoint(numbers):
            return STAR.join(pieces[::2]), numbers
        taken = [number for number in numbers if number not in self._named]
        return NUMBER.sub(lambda found: found[0] if found[1] in self._named else self._star(found), name), taken

    @staticmethod
    def _star(found: re.Match[str]) -> str:
        return "expert_*" if found[0].startswith("e") else STAR

    def spellings(self, name: str) -> tuple[str, ...]:
        """What `name` may be called in the class: as it is, and with and without the base model's prefix."""
        before = f"{self._layout.prefix}."
        renamed = self._renamed(name)[0]
        return (renamed, before + renamed, renamed.removeprefix(before))

    def _resolve(self, name: str) -> tuple[str, ...] | None:
        for names in (self._renamed(name), (name,)):
            found = tuple(map(self._prefixed, names))
            if starred(found[0]) in self._saved or found[0].startswith(self._opaque):
                return found
        return None

    def _renamed(self, name: str) -> tuple[str, ...]:
        for rename in self._renamings:
            name = (rename.apply(name) or (name,))[0]
        for converter in self._converters:
            found = converter.apply(name)
            if found is not None:
                return found
        return (name,)

    def _prefixed(self, name: str) -> str:
        prefix = self._layout.prefix
        if not prefix:
            return name
        if name.startswith(prefix) and self._has(name[len(prefix) + 1 :]):
            return name[len(prefix) + 1 :]
        return f"{prefix}.{name}" if self._has(f"{prefix}.{name}") else name

    def _has(self, name: str) -> bool:
        return starred(name) in self._there or name.startswith(self._opaque)


class _Known:
    """What was found for all names that are alike."""

    def __init__(self, alike: str, names: tuple[str, ...], numbers: int) -> None:
        self.patterns = tuple(map(starred, names))
        places = [str(ANY + place) for place in range(numbers)]
        self._pieces = ANYWHERE.split(names[0])
        self._places = [(at, places.index(piece)) for at, piece in enumerate(self._pieces) if piece in places]
        self.is_same = _filled(alike, places) == names[0]
        """Whether the name is the stored one."""

    def name(self, numbers: list[str]) -> str:
        """The first name with the numbers that were taken out of it; of merged experts only the first one's is in it."""
        pieces = self._pieces.copy()
        for at, place in self._places:
            pieces[at] = numbers[place]
        return "".join(pieces)


def _filled(pattern: str, numbers: list[str]) -> str:
    """`pattern` with `numbers` in place of its stars; those of merged experts are left over."""
    if STAR not in pattern:
        return pattern
    left = iter(numbers)
    return ".".join(part.replace(STAR, next(left, STAR)) if STAR in part else part for part in pattern.split("."))
