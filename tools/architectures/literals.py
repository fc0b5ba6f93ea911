"""What can be asked of the place at which a tensor stands, and which of it holds just where something is so."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from itertools import combinations
from typing import Any, TypeVar

from architectures.atoms import Expression, weight
from memscan.architecture.expression import evaluate, fields

T = TypeVar("T")
Place = tuple[int, ...]
Rows = Sequence[tuple[int, Place]]
"""A probe, and the numbers of one name in it."""

MOST_ROWS = 900
MOST_TENSORS = 20_000
STEPS = re.compile(r"(offset|period|every|step|interval|freq|stride|pattern|ratio)")
MOST_STEPS = 12
LARGEST_STEP = 64
TERMS = 4  # conditions that hold together; more are no rule
PAIRED = 400  # literals of which two are tried together, simple ones first, before those that rule out most
ALTERNATIVES = 60  # literals of which one or another may hold


def spread_out(rows: Sequence[T]) -> Sequence[T]:
    """As many of them as can be looked at, by chance: every third would be the first of three in each layer."""
    if len(rows) <= MOST_ROWS:
        return rows
    return [rows[place] for place in sorted(random.Random(MOST_ROWS).sample(range(len(rows)), MOST_ROWS))]


def at(probe: Mapping[str, Any], place: Place) -> Any:
    """Looks up the fields of a probe, and the numbers of a name as `#0`, `#1`."""

    def lookup(path: str) -> object:
        return place[int(path[1:])] if path.startswith("#") else probe.get(path)

    return lookup


def cost(rule: Expression) -> tuple[int, Any]:
    """What says which layer by a number of its own is asked last: a field says it better."""
    return int(not fields(rule) and weight(rule)[0] > 3), weight(rule)


class Literals:
    """What can be asked of the tensor at a place, each with the rows for which the answer is yes, as bits."""

    def __init__(
        self, probes: Sequence[Mapping[str, Any]], rows: Rows, reads: frozenset[str], bounds: Sequence[Expression]
    ) -> None:
        self._rows, self._probes = rows, probes
        self._full = (1 << len(rows)) - 1
        self.found: dict[int, Expression] = {}
        stars = len(rows[0][1])
        rules: list[Expression] = []
        used = sorted(reads)
        for star in range(stars):
            rules += self._of_star(f"#{star}", used, bounds[star])
        rules += self._of_config(used)
        for rule in sorted(rules, key=cost):
            self.add(rule)

    def add(self, rule: Expression) -> None:
        """One more thing that can be asked, if it tells some rows from others."""
        bits = 0
        for index, (i, place) in enumerate(self._rows):
            value = evaluate(rule, at(self._probes[i], place))
            if value is None:
                return
            bits |= (1 << index) if value else 0
        if bits not in (0, self._full):
            self.found.setdefault(bits, rule)
            self.found.setdefault(self._full ^ bits, ["==", rule, 0])

    def _column(self, name: str) -> list[Any]:
        return [self._probes[i].get(name) for i in {i for i, _ in self._rows}]

    def _of_star(self, x: str, used: Sequence[str], bound: Expression) -> Iterator[Expression]:
        yield from (["==", x, c] for c in (0, 1, 2))
        yield from (["<", x, c] for c in (2, 3, 4))
        yield from (["==", ["%", x, c], r] for c in (2, 3, 4, 5, 6) for r in range(c))
        if not (isinstance(bound, list) and bound[0] == "of"):
            yield ["==", x, ["-", bound, 1]]
            yield ["<", x, ["//", bound, 2]]
            yield ["<", x, ["-", bound, 2]]
        steps: list[str] = []
        for name in used:
            column = self._column(name)
            if all(isinstance(value, int) and not isinstance(value, bool) for value in column if value is not None) and any(
                column
            ):
                yield ["<", x, name]
                yield ["==", x, name]
                yield ["<=", x, name]
                if not (isinstance(bound, list) and bound[0] == "of"):
                    yield ["<", x, ["-", bound, name]]
                if all(value is None or value <= LARGEST_STEP for value in column):
                    steps.append(name)
            elif all(isinstance(value, list | tuple) for value in column if value is not None) and any(column):
                words = {one for value in column if value for one in value if isinstance(one, str)}
                numbers = {one for value in column if value for one in value if isinstance(one, int)}
                yield from (["word", name, x, word] for word in sorted(words))
                if numbers or not words:
                    yield ["in", name, x]
                    yield ["item", name, x]
                    yield from (["==", ["item", name, x], c] for c in (0, 1))
        steps = sorted(steps, key=lambda name: (STEPS.search(name) is None, name))[:MOST_STEPS]
        for name in steps:
            yield ["==", ["%", x, name], 0]
            yield ["==", ["%", ["+", x, 1], name], 0]
            yield from (["==", ["%", ["-", x, other], name], 0] for other in steps if other != name)
            yield ["<", ["%", x, name], 1]

    @staticmethod
    def _never(column: Sequence[Any]) -> bool:
        return len({repr(value) for value in column}) < 2

    def _of_config(self, used: Sequence[str]) -> Iterator[Expression]:
        for name in used:
            column = self._column(name)
            if self._never(column):
                continue
            if any(isinstance(value, bool) for value in column):
                yield ["true", name]
            if any(isinstance(value, int) and not isinstance(value, bool) for value in column):
                yield ["positive", name]
            if any(value is None for value in column):
                yield ["none", name]
            yield from (["equal", name, text] for text in sorted({value for value in column if isinstance(value, str)}))
            lists = [value for value in column if isinstance(value, list | tuple)]
            yield from (
                ["count", name, text] for text in sorted({one for value in lists for one in value if isinstance(one, str)})
            )

    def among(self, rows: int) -> "Literals":
        """The same of some of the rows."""
        made = copy(self)
        made._full, made.found = rows, {}  # noqa: SLF001 -- of its own kind
        for bits, rule in self.found.items():
            if bits & rows not in (0, rows):
                made.found.setdefault(bits & rows, rule)
        return made

    def find(self, wanted: int) -> Expression | None:
        """The simplest that is true just of the rows `wanted`."""
        if wanted in self.found:
            return self.found[wanted]
        # What a field says, before what a number of our own would.
        for literals in ({bits: rule for bits, rule in self.found.items() if not cost(rule)[0]}, self.found):
            ands = self._all_of(wanted, literals)
            if ands is not None:
                return ands
            other = self._all_of(self._full ^ wanted, literals)
            if other is not None:
                return ["==", other, 0]
        # One of two, and what else has to hold.
        single = sorted(self.found.items(), key=lambda pair: cost(pair[1]))
        useful = [(bits, rule) for bits, rule in single if bits & wanted][:ALTERNATIVES]
        either = dict(single)
        for (a, first), (b, second) in combinations(useful, 2):
            either.setdefault(a | b, ["max", first, second])
        return self._all_of(wanted, either)

    def _all_of(self, wanted: int, literals: Mapping[int, Expression]) -> Expression | None:
        """Several that hold together just for the rows `wanted`, those first that rule out most."""
        above = [(bits, rule) for bits, rule in literals.items() if bits & wanted == wanted]
        pair = _pair(wanted, sorted(above, key=lambda one: cost(one[1]))[:PAIRED])
        if pair is not None:
            return pair
        left = self._full ^ wanted
        chosen: list[Expression] = []
        while left and len(chosen) < TERMS:
            best = min(above, key=lambda pair: ((pair[0] & left).bit_count(), cost(pair[1])), default=None)
            if best is None or best[0] & left == left:
                return None
            chosen.append(best[1])
            left &= best[0]
        if left or not chosen:
            return None
        made = chosen[0]
        for one in chosen[1:]:
            made = ["*", made, one]
        return made


def _pair(wanted: int, above: Sequence[tuple[int, Expression]]) -> Expression | None:
    """The simplest two that hold together just for the rows `wanted`."""
    for later in range(1, len(above)):
        for first in range(later):
            if above[first][0] & above[later][0] == wanted:
                return ["*", above[first][1], above[later][1]]
    return None
