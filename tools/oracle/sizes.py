"""Small values for the fields of a config."""

from collections.abc import Mapping
from math import isqrt
from random import Random
from typing import Any

from knobs import OPEN, Knob

# What is smaller stays as it is.
SMALLEST: Mapping[str, int] = {
    "width": 24, "head_width": 16, "vocabulary": 131, "positions": 32, "picture": 48, "layers": 3, "token": 90,
}  # fmt: skip
MOST: Mapping[str, int] = {"experts": 4, "chosen": 2}


class Sizes:
    """Small values for the knobs of one config: equal defaults become equal, larger ones stay larger, all from a seed."""

    def __init__(self, knobs: tuple[Knob, ...], random: Random) -> None:
        self.knobs = knobs
        self.random = random
        self.heads = random.choice((2, 4))
        self.layers = random.sample((2, 3, 4), 3)
        self.widths = self._ladder("width", start=random.choice((2, 3)), step=16)
        self.head_widths = self._ladder("head_width", start=random.choice((1, 2)), step=8)
        self.vocabularies: dict[int, int] = {}
        self.seen_layers: dict[str, int] = {}

    def _ladder(self, kind: str, *, start: int, step: int) -> dict[int, int]:
        found: set[int] = set()
        for knob in self.knobs:
            if knob.kind == kind:
                found.update(knob.default if isinstance(knob.default, list | tuple) else (knob.default,))
        large = sorted(value for value in found if value >= SMALLEST[kind])
        return {value: min(value, step * rank) for rank, value in enumerate(large, start)}

    def value(self, knob: Knob) -> Any:
        """A small value for a knob, its default where that is small."""
        if knob.kind == "open":
            return OPEN[knob.name]
        if isinstance(knob.default, list | tuple):
            items = [self._item(knob, item, place) for place, item in enumerate(knob.default)]
            return list(range(len(items))) if knob.kind == "indices" and min(knob.default) >= 0 else items
        return self._item(knob, knob.default, None)

    def _item(self, knob: Knob, default: int, place: int | None) -> int:
        if default <= 0:
            return default
        if knob.kind in {"head_width", "heads", "layers"}:
            return self._structure(knob, default, place)
        return self.widths.get(default, default) if knob.kind == "width" else self._count(knob, default)

    def _structure(self, knob: Knob, default: int, place: int | None) -> int:
        if knob.kind == "layers":
            return self._layers(knob, default, place)
        return self._heads(knob, default) if knob.kind == "heads" else self._head_width(knob, default)

    def _head_width(self, knob: Knob, default: int) -> int:
        level = {other.name: other for other in self.knobs if other.path[:-1] == knob.path[:-1]}
        width, heads = level.get("hidden_size", level.get("d_model")), level.get("num_attention_heads", level.get("num_heads"))
        if width and heads and isinstance(width.default, int) and width.default == default * _first(heads.default):
            return self._item(width, width.default, None) // self._item(heads, _first(heads.default), None)
        return self.head_widths.get(default, default)

    def _heads(self, knob: Knob, default: int) -> int:
        level = [other.default for other in self.knobs if other.kind == "heads" and other.path[:-1] == knob.path[:-1]]
        most = max(max(item) if isinstance(item, list | tuple) else item for item in level)
        if default == 3:
            return 1
        return min(default, self.heads if default == most else max(1, self.heads // 2))

    def _layers(self, knob: Knob, default: int, place: int | None) -> int:
        if place is not None:
            return min(default, 1 + (place + self.layers[0]) % 2)
        if default < SMALLEST["layers"]:
            return default
        rank = self.seen_layers.setdefault(".".join(knob.path), len(self.seen_layers))
        return min(default, self.layers[rank % len(self.layers)])

    def _count(self, knob: Knob, default: int) -> int:
        if default < SMALLEST.get(knob.kind, 0):
            return default
        match knob.kind:
            case "vocabulary":
                fresh = 91 + len(self.vocabularies) * 7 % 38 + self.random.randrange(3)
                return self.vocabularies.setdefault(default, fresh)
            case "token":
                return default % 83 + 3
            case "positions":
                return _positions(default)
            case "picture":
                return 56 if default % 14 == 0 and default % 16 else 64
        return min(default, MOST[knob.kind]) if knob.kind in MOST else default


def _positions(default: int) -> int:
    """A square for a square, which may be a grid."""
    square = 36 if default < 64 else 64
    return square if isqrt(default) ** 2 == default else min(default, 56)


def _first(value: Any) -> int:
    return value[0] if isinstance(value, list | tuple) else value
