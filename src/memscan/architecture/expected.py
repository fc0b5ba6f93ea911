"""The tensors that a class has under one pattern of names: how many, of which shapes, of which kind."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from memscan.architecture.expression import evaluate
from memscan.architecture.fields import Fields
from memscan.architecture.places import MOST, Case, Place, Places, every


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Those tensors of a pattern that have one shape."""

    number: str | None
    """What stands for one of the stars in their names; None where only their shapes tell them apart."""
    count: int
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """All tensors of one pattern; `*` stands for each number in their names."""

    pattern: str
    kind: str
    """`p` parameter, `b` buffer that is saved, `n` buffer that is not."""
    dtype: str
    """safetensors' name; empty where it follows the model's."""
    module: str
    """The torch class that owns it (`Linear`, `Embedding` ...); `/` where the module has modules below it, else empty."""
    count: int | None
    """How many there are; None where the config does not say, or the table cannot."""
    bounds: bool
    """Whether the count is one field of the config: then numbers at or above it are beyond the model."""
    shape: tuple[int, ...] | None
    """None where it is not known, or differs among them."""
    elements: int | None
    """Of all of them together."""
    star: int = 0
    """Which star, counted from 0, the numbers of the groups stand for."""
    groups: tuple[Group, ...] = ()
    """Where they differ in shape, as far as it is known how."""
    unique: int | None = None
    """How many of them are tensors of their own, where some are one that stands among them already."""
    optional: bool = False
    """Whether it may be missing, by a rule that the table does not know."""
    where: tuple[Place, ...] | None = None
    """The numbers in the name of each, where a rule says so; else see `places`."""
    is_everywhere: bool = True
    """Whether its numbers are those up to the count, where no rule says otherwise."""
    shapes: tuple[tuple[int, ...], ...] = ()
    """The shape of each at its place in `where`, where they differ by their numbers."""

    @property
    def places(self) -> Sequence[Place] | None:
        """The numbers in the name of each; None where it is not known which layers have it."""
        if self.where is not None:
            return self.where
        stars = self.pattern.count("*")
        if stars == 0:
            return [()] * min(self.count or 0, 1)
        is_plain = stars == 1 and self.is_everywhere and self.count is not None and self.count <= MOST
        return every(self.count) if is_plain and self.count is not None else None

    @property
    def named(self) -> Iterator[tuple[str, tuple[int, ...]]] | None:
        """Each by its name, with its shape; None where not all of that is known."""
        places = self.places
        if places is None or (self.shape is None and len(self.shapes) != len(places)):
            return None
        shapes = self.shapes or [self.shape or ()] * len(places)
        return ((self._name(place), shape) for place, shape in zip(places, shapes, strict=True))

    def _name(self, place: Place) -> str:
        first, *rest = self.pattern.split("*")
        return first + "".join(f"{number}{piece}" for number, piece in zip(place, rest, strict=True))


def expected(pattern: str, values: Sequence[Any], fields: Fields, places: Places, *, optional: bool) -> Expected:
    """The tensors of `pattern` for a config, from the values of the table; `places` are those of its class."""
    kind, dtype, module, count_rule, shape_rule, total_rule, unique_rule, rule = [*values, *_EMPTY[len(values) :]]
    where = None if rule is None else places.of(rule)
    count = None if count_rule is None else evaluate(count_rule, fields)
    if where is not None:
        count = len(where)
    if count is not None and count < 0:
        count = None  # no number of tensors: the rule does not hold for this config
    star, groups = _groups(shape_rule, fields) if isinstance(shape_rule, dict) and "groups" in shape_rule else (0, ())
    shape = _shape(shape_rule, fields) if isinstance(shape_rule, list) else None
    cases = _cases(shape_rule) if isinstance(shape_rule, dict) else ()
    shapes = _each(cases, pattern, where, count, places) if cases else ()
    total = None if total_rule is None else evaluate(total_rule, fields)
    if groups:
        count, total = sum(one.count for one in groups), sum(one.count * prod(one.shape) for one in groups)
        is_plain = rule is None and pattern.count("*") == 1 and count <= MOST
        shapes = _by_number(groups, star, every(count) if is_plain else where or ())
    if shapes:
        total = sum(map(prod, shapes))
        if len(set(shapes)) == 1:
            shape, shapes = shapes[0], ()
    return Expected(
        pattern=pattern,
        kind=kind,
        dtype=dtype,
        module=module,
        count=count,
        bounds=isinstance(count_rule, str),
        shape=shape,
        elements=_total(count, shape, total),
        star=star,
        groups=groups,
        unique=None if unique_rule is None else evaluate(unique_rule, fields),
        optional=optional,
        where=where,
        is_everywhere=rule is None,
        shapes=shapes,
    )


_EMPTY: Sequence[Any] = ("p", "", "", None, None, None, None, None)


def _cases(rule: Mapping[str, Any]) -> Sequence[Case]:
    """The rules of shapes that depend on the numbers in the names; none where the rule is one of groups."""
    return [(1, rule["each"])] if "each" in rule else rule.get("cases", ())


def _each(
    cases: Sequence[Case], pattern: str, where: Sequence[Place] | None, count: int | None, places: Places
) -> tuple[tuple[int, ...], ...]:
    """The shape of each; none where one of them is not known."""
    if where is None and count is not None and count <= MOST:
        where = every(count) if "*" in pattern else [()] * count
    return () if where is None else places.shapes(cases, where) or ()


def _groups(rule: Mapping[str, Any], fields: Fields) -> tuple[int, tuple[Group, ...]]:
    """The groups of a pattern whose tensors differ in shape; none where one of them is not known."""
    found: list[Group] = []
    for number, count_rule, shape_rule in rule["groups"]:
        count, shape = evaluate(count_rule, fields), _shape(shape_rule, fields)
        if count == 0:
            continue
        if count is None or count < 0 or shape is None:
            return 0, ()
        found.append(Group(number=number, count=count, shape=shape))
    return rule["star"] or 0, tuple(found)


def _by_number(groups: Sequence[Group], star: int, where: Sequence[Place]) -> tuple[tuple[int, ...], ...]:
    """The shape of each at its place, where a number in its name tells its group; none where it does not."""
    shapes = {one.number: one.shape for one in groups}
    numbers = [str(place[star]) for place in where if star < len(place)]
    if not numbers or Counter(numbers) != {one.number: one.count for one in groups}:
        return ()
    return tuple(shapes[number] for number in numbers)


def _shape(rules: Sequence[object], fields: Fields) -> tuple[int, ...] | None:
    sizes = tuple(_sizes(rules, fields))
    return sizes if len(sizes) == len(rules) else None


def _sizes(rules: Sequence[object], fields: Fields) -> Iterator[int]:
    for rule in rules:
        size = evaluate(rule, fields)
        if size is None or size < 0:
            return
        yield size


def _total(count: int | None, shape: tuple[int, ...] | None, total: int | None) -> int | None:
    if total is not None or count == 0:
        return 0 if count == 0 else total if total is not None and total >= 0 else None
    if count is None or shape is None:
        return None
    for size in shape:
        count *= size
    return count
