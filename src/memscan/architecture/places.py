"""Where the tensors of a pattern stand: the numbers that take the place of the stars in their names."""

from collections.abc import Sequence
from typing import Any

from memscan.architecture.expression import NUMBER, UNKNOWN, Lookup, evaluate

MOST = 200_000  # tensors of one pattern; no model has a tenth of it

Place = tuple[int, ...]
Case = tuple[object, Sequence[object]]
"""A condition, and the rule of each axis where it is not 0."""


class Places:
    """The places that the rules of one class give for one config, each found when it is asked for."""

    def __init__(self, rules: Sequence[Any], field: Lookup) -> None:
        self._rules, self._field = rules, Remembered(field)
        self._found: dict[int, tuple[Place, ...] | None] = {}

    def of(self, number: int) -> tuple[Place, ...] | None:
        """Those by the rule of that number; None where the config does not say, or the table cannot."""
        if number < 0 or number >= len(self._rules):
            return None
        if number not in self._found:
            bounds, *condition = self._rules[number]
            self._found[number] = self._kept(_spread(bounds, self._field), condition)
        return self._found[number]

    def _kept(self, places: Sequence[Place] | None, condition: Sequence[object]) -> tuple[Place, ...] | None:
        if places is None:
            return None
        if not condition:
            return tuple(places)
        kept: list[Place] = []
        for place in places:
            is_there = evaluate(condition[0], At(self._field, place))
            if is_there is None:
                return None
            if is_there:
                kept.append(place)
        return tuple(kept)

    def shapes(self, cases: Sequence[Case], places: Sequence[Place]) -> tuple[tuple[int, ...], ...] | None:
        """The shape at each of `places`, by the first of `cases` whose condition holds; None where one is not known."""
        found: list[tuple[int, ...]] = []
        for place in places:
            at = At(self._field, place)
            rules = _case(cases, at)
            if rules is None:
                return None
            sizes = [evaluate(rule, at) for rule in rules]
            known = tuple(size for size in sizes if size is not None and size >= 0)
            if len(known) != len(sizes):
                return None
            found.append(known)
        return tuple(found)


class Remembered:
    """Looks each field up once."""

    __slots__ = ("_field", "_known")

    def __init__(self, field: Lookup) -> None:
        self._field, self._known = field, dict[str, object]()

    def __call__(self, path: str) -> object:
        """The value of the field at `path`."""
        if path not in self._known:
            self._known[path] = self._field(path)
        return self._known[path]


class At:
    """Looks fields up for one tensor: its own numbers are fields too."""

    __slots__ = ("_field", "_place")

    def __init__(self, field: Lookup, place: Place) -> None:
        self._field, self._place = field, place

    def __call__(self, path: str) -> object:
        """The value of the field at `path`; `#0` is the first number."""
        if not path.startswith(NUMBER):
            return self._field(path)
        star = int(path[1:])
        return self._place[star] if star < len(self._place) else UNKNOWN


def _case(cases: Sequence[Case], at: At) -> Sequence[object] | None:
    """The rules of the first case that holds; None where that is not known of one before it, or none does."""
    for condition, rules in cases:
        holds = evaluate(condition, at)
        if holds is None:
            return None
        if holds:
            return rules
    return None


def _spread(bounds: Sequence[Any], field: Lookup) -> list[Place] | None:
    """All places within the bounds; each may lean on the numbers before it."""
    found: list[Place] = [()]
    for bound in bounds:
        longer: list[Place] = []
        for place in found:
            if isinstance(bound, list) and bound[0] == "of":
                longer += [(*place, number) for number in bound[1:]]
                continue
            count = evaluate(bound, At(field, place))
            if count is None or count < 0 or len(longer) + count > MOST:
                return None
            longer += [(*place, number) for number in range(count)]
        found = longer
    return found


def every(count: int) -> Sequence[Place]:
    """The places of a pattern with one star that stands everywhere."""
    return [(number,) for number in range(count)]


def listed(rule: Sequence[Any], field: Lookup) -> list[str] | list[int] | None:
    """A list that a config class makes where none is given; None where it is not known.

    It has a word for each layer, or the numbers of those of which a condition holds.
    """
    bound, *words = rule
    count = evaluate(bound, field)
    if count is None or not 0 <= count <= MOST:
        return None
    remembered = Remembered(field)
    if isinstance(words[0], list) and words[0][0] is None:
        answers = [evaluate(words[0][1], At(remembered, (number,))) for number in range(count)]
        return None if None in answers else [number for number, answer in enumerate(answers) if answer]
    found: list[str] = []
    for number in range(count):
        at, word = At(remembered, (number,)), words[-1]
        for one, condition in words[:-1]:
            answer = evaluate(condition, at)
            if answer is None:
                return None
            if answer:
                word = one
                break
        found.append(word)
    return found
