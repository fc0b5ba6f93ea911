"""Shapes of the tensors of one pattern that follow one rule in some places, and another elsewhere.

The first convolution of a chain, the layers that attend to everything, the norm that stands in front of a convolution. The
places are split by one thing that can be asked of them at a time, simple ones first, until each part has a rule.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from architectures.atoms import Expression
from architectures.fit import LARGE, Fitter
from architectures.literals import Literals, cost
from memscan.architecture.expression import fields

Place = tuple[int, ...]
Shape = list[Expression]
Case = list[Any]
"""[condition, shape]: the shape where the condition is not 0, and none before it was."""
Axes = Sequence[Any]

DEPTH = 3  # splits, one inside another
TRIED = 80  # things that are asked
MOST_AXES = 8
MOST_RULES, LIKELY = 40, 12  # that the code told, and that are tried at a time
MOST_CASES = 8
SIMPLE = 5  # nodes: `#0` is 0, or it is not
FEWEST = 3  # probes that have to agree on what never changes within one of them


@dataclass(frozen=True, slots=True)
class Row:
    """One tensor of one probe."""

    probe: int
    place: Place
    shape: tuple[int, ...]
    axes: Axes
    """What each size was computed from, as far as it was followed."""


Direct = Callable[[Sequence[Row], bool], Shape | None]
"""One rule for all of the rows, in which their own numbers may stand; whether to look for one that the code does not tell."""
Value = Callable[[Expression, Row], int | None]
"""What a rule gives for a tensor."""

LISTED, PLACE, SWITCH, OTHER = range(4)
"""What is asked first: a list in the config, the number in the name, a switch, and whatever else."""


class Cases:
    """Finds the cases of one pattern."""

    def __init__(self, rows: Sequence[Row], literals: Literals, fitter: Fitter, direct: Direct, value: Value) -> None:
        """`literals` are those of the places of `rows`, in their order."""
        self._rows, self._fitter, self._direct, self._value, self._all = rows, fitter, direct, value, literals
        self._literals = sorted(literals.found.items(), key=lambda pair: (_kind(pair[1]), cost(pair[1])))
        self._known: dict[int, Shape | None] = {}

    def find(self) -> list[Case] | None:
        """The cases, the last of which holds wherever no other does; None where none were found."""
        everything = (1 << len(self._rows)) - 1
        for depth in range(DEPTH + 1):
            found = self._find(everything, depth, fitted=True)
            if found is not None:
                return found
        return None

    def told(self) -> list[Case] | None:
        """What the code computed the shapes from, each with what is so just where it did, those of most tensors first."""
        bits = (1 << len(self._rows)) - 1
        rules: dict[str, Shape] = {}
        own: dict[str, int] = {}
        for at, row in enumerate(self._rows):
            shape = told(row)
            rules.setdefault(str(shape), shape)
            own[str(shape)] = own.get(str(shape), 0) | 1 << at
        usual = sorted(own, key=lambda name: -own[name].bit_count())[:MOST_RULES]
        right = {name: sum(1 << at for at, row in enumerate(self._rows) if self._gives(rules[name], row)) for name in usual}
        found: list[Case] = []
        while len(found) < MOST_CASES:
            usual.sort(key=lambda name: (-(right[name] & bits).bit_count(), str(rules[name])))
            if right[usual[0]] & bits == bits:
                return [*found, [1, rules[usual[0]]]]
            left = self._all.among(bits)
            wanted = [(name, some & bits) for name in usual[:LIKELY] for some in (own[name], right[name]) if some & bits]
            tries = ((name, some, left.find(some)) for name, some in dict.fromkeys(wanted))
            name, some, condition = next((one for one in tries if one[2] is not None), ("", 0, None))
            if condition is None:
                return None
            found.append([condition, rules[name]])
            bits &= ~some
        return None

    def _gives(self, shape: Shape, row: Row) -> bool:
        return len(shape) == len(row.shape) and all(
            self._value(rule, row) == size for rule, size in zip(shape, row.shape, strict=True)
        )

    def _find(self, bits: int, depth: int, *, fitted: bool) -> list[Case] | None:
        shape = self._whole(bits, fitted=fitted)
        if shape is not None:
            return [[1, shape]]
        if not depth:
            return None
        for on, condition in self._splits(bits):
            is_place = _kind(condition) == PLACE
            first = self._whole(bits & on, fitted=is_place)
            rest = None if first is None else self._find(bits & ~on, depth - 1, fitted=is_place)
            if first is not None and rest is not None:
                return [[condition, first], *rest]
        return self._nested(bits, depth) if depth == DEPTH else None

    def _nested(self, bits: int, depth: int) -> list[Case] | None:
        """Cases among those for which something is so, and others among the rest."""
        for on, condition in self._splits(bits):
            if _kind(condition) > PLACE:
                return None
            inner = self._find(bits & on, depth - 2, fitted=True)
            rest = None if inner is None else self._find(bits & ~on, depth - 2, fitted=True)
            if inner is not None and rest is not None:
                return [*([condition if one == 1 else ["*", condition, one], shape] for one, shape in inner), *rest]
        return None

    def _whole(self, bits: int, *, fitted: bool) -> Shape | None:
        """One rule for all of the rows."""
        if self._known.get(bits) is None and (bits not in self._known or fitted):
            rows = [row for at, row in enumerate(self._rows) if bits >> at & 1]
            is_one = len({len(row.shape) for row in rows}) == 1
            self._known[bits] = (self._same(rows, fitted) or self._direct(rows, fitted)) if is_one else None
        return self._known[bits]

    def _splits(self, bits: int) -> Iterator[tuple[int, Expression]]:
        """What is true of some of the rows and not of all, simple things first."""
        seen: set[int] = set()
        for on, condition in self._literals:
            part = on & bits
            if part in (0, bits) or part in seen:
                continue
            seen.add(part)
            yield on, condition
            if len(seen) == TRIED:
                return

    def _same(self, rows: Sequence[Row], fitted: bool) -> Shape | None:
        """The shape where it is the same for all rows of a probe."""
        by_probe: dict[int, Row] = {}
        for row in rows:
            if by_probe.setdefault(row.probe, row).shape != row.shape:
                return None
        ranks = {len(row.shape) for row in rows}
        if len(by_probe) < FEWEST or len(ranks) != 1 or ranks.pop() > MOST_AXES:
            return None
        found: Shape = []
        for axis in range(len(rows[0].shape)):
            sizes = {probe: row.shape[axis] for probe, row in by_probe.items()}
            rules = {str(rule): rule for row in rows if not isinstance(rule := row.axes[axis], int | None)}
            rule = self._fitter.followed(sizes, rules.values())
            if rule is None and len(set(sizes.values())) == 1 and rows[0].shape[axis] < LARGE:
                rule = rows[0].shape[axis]
            if rule is None and fitted:
                rule = self._fitter.size(sizes)
            if rule is None:
                return None
            found.append(rule)
        return found


def told(row: Row) -> Shape:
    """What the code computed the shape from, by the numbers of the tensor; what it did not tell is taken to be a constant."""
    found: Shape = []
    for rule, size in zip(row.axes, row.shape, strict=True):
        general = generalized(rule, row.place)
        found.append(general if general is not None else size if rule is None else rule)
    return found


def generalized(rule: Any, place: Place) -> Any:
    """`rule` with indices into lists as what they are to the number of the tensor; None where it has none."""
    if not isinstance(rule, list):
        return None
    if rule[0] == "at" and place:
        delta = rule[2] - place[0]
        return ["item", rule[1], "#0" if delta == 0 else ["+", "#0", delta]] if abs(delta) <= 1 else None
    operands = [generalized(one, place) for one in rule[1:]]
    if all(one is None for one in operands):
        return None
    return [rule[0], *(one if new is None else new for one, new in zip(rule[1:], operands, strict=True))]


def _kind(condition: Expression) -> int:
    text = str(condition)
    if any(f"['{word}'," in text for word in ("word", "in", "item")):
        return LISTED
    if not fields(condition):
        return PLACE if cost(condition)[1][0] <= SIMPLE else OTHER
    return OTHER if "#" in text else SWITCH


def holds(cases: Sequence[Case], rows: Sequence[Row], value: Value) -> bool:
    """Whether the cases give the shape of every row."""
    return all(_shape(cases, row, value) == row.shape for row in rows)


def _shape(cases: Sequence[Case], row: Row, value: Value) -> tuple[int | None, ...] | None:
    for condition, shape in cases:
        if value(condition, row):
            return tuple(value(rule, row) for rule in shape)
    return None
