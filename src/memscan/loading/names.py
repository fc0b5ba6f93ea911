"""Which tensor of a class a stored name means.

As `rename_source_key` of transformers does (src/transformers/core_model_loading.py): every rename that matches, then one
converter at most, then the base model's prefix, taken away or put before, so that a checkpoint of one class serves another.
"""

from memscan.architecture import CONVERTER, Layout

STAR = "*"


def starred(name: str) -> str:
    """`name` with a `*` for every component that is a number, or numbers an expert."""
    return ".".join(map(_pattern, name.split(".")))


def _pattern(part: str) -> str:
    if part.isdigit():
        return STAR
    return "expert_*" if part.startswith("expert_") and part[7:].isdigit() else part


class Names:
    """Finds the names of a class; what is found for one layer is found for all."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._saved = frozenset(name for name, one in layout.expected.items() if one.kind != "n")
        self._renamings = [one for one in layout.renames if one.kind != CONVERTER]
        self._converters = [one for one in layout.renames if one.kind == CONVERTER]
        self._known: dict[str, tuple[str, ...] | None] = {}
        self._opaque = tuple(f"{at}." for at in layout.opaque)

    def find(self, name: str) -> tuple[str, ...] | None:
        """The names that the stored `name` has in the class, the first of them its own; None where the class has none."""
        parts = name.split(".")
        numbers = [part.removeprefix("expert_") for part in parts if _pattern(part) != part]
        pattern = ".".join(map(_pattern, parts)) if numbers else name
        if pattern not in self._known:
            found = self._resolve(name)
            self._known[pattern] = None if found is None else tuple(map(starred, found))
        known = self._known[pattern]
        return None if known is None else tuple(_filled(one, numbers) for one in known)

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
        return starred(name) in self._saved or name.startswith(self._opaque)


def _filled(pattern: str, numbers: list[str]) -> str:
    """`pattern` with `numbers` in place of its stars; those of merged experts are left over."""
    if STAR not in pattern:
        return pattern
    left = iter(numbers)
    return ".".join(part.replace(STAR, next(left, STAR)) if STAR in part else part for part in pattern.split("."))
