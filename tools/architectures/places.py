"""Where the tensors of a pattern stand: which numbers take the place of the stars in their names.

A rule is a bound for each star, in which the numbers before it may stand (`#0` is the first), and a condition on all of them: the
experts of a model whose first layers have none, the blocks of each stage. Patterns that stand at the same places share a rule.

The condition is found by elimination: of all that can be asked of a layer, what is true of every layer that has the tensor, as
many of it as are needed to rule the others out; or the same of the layers that have it not.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from architectures.atoms import Expression, may_matter, weight
from architectures.fit import Fitter
from architectures.names import starred
from architectures.observe import Observation, Tensors
from architectures.shapes import NUMBER
from memscan.architecture.expression import evaluate, fields

Place = tuple[int, ...]
Rows = list[tuple[int, Place]]
"""A probe, and the numbers of one name in it."""

STEPS = re.compile(r"(offset|period|every|step|interval|freq|stride|pattern|ratio)")
ALL, NOWHERE = -2, -1  # rules: every number up to the count; none that is known
MOST_ROWS = 900
MOST_TENSORS = 20_000
MOST_STEPS = 12
LARGEST_STEP = 64
TERMS = 4  # conditions that hold together; more are no rule
PAIRED = 400  # literals of which two are tried together, simple ones first, before those that rule out most
ALTERNATIVES = 60  # literals of which one or another may hold


class Places:
    """The rules of one class, each once."""

    def __init__(self, observed: Mapping[int, Observation], probes: Sequence[Mapping[str, Any]], fitter: Fitter) -> None:
        self._probes, self.fitter, self._observed = probes, fitter, observed
        reads = reads_of(observed)
        self._reads = frozenset(name for name in {n for probe in probes for n in probe} if may_matter(name, reads))
        self.rules: list[list[Any]] = []
        self._known: dict[Any, int | None] = {}
        self._totals: dict[str, dict[int, dict[Place, int]]] = {}
        for index, one in observed.items():
            for tensors in one.tensors.values():
                for name in tensors.names:
                    self._see(index, name)

    def _see(self, index: int, name: str) -> None:
        numbers = numbers_of(name)
        pieces = starred(name).split("*")
        for star in range(len(numbers)):
            totals = self._totals.setdefault("*".join(pieces[: star + 1]), {}).setdefault(index, {})
            before = numbers[:star]
            totals[before] = max(totals.get(before, 0), numbers[star] + 1)

    def of(self, pattern: str) -> int | None:
        """The number of the rule by which the tensors of `pattern` stand; `ALL` where none is needed, None for none found."""
        stars = pattern.count("*")
        there = {
            i: frozenset(map(numbers_of, one.tensors[pattern].names))
            for i, one in self._observed.items()
            if pattern in one.tensors
        }
        if not stars or (stars == 1 and all(one == {(n,) for n in range(len(one))} for one in there.values())):
            return ALL
        prefixes = tuple("*".join(pattern.split("*")[: star + 1]) for star in range(stars))
        key = (prefixes, tuple(sorted((i, tuple(sorted(one))) for i, one in there.items())))
        if key not in self._known:
            rule = self._rule(prefixes, {i: there.get(i, frozenset()) for i in self._observed})
            if rule is not None and rule not in self.rules:
                self.rules.append(rule)
            self._known[key] = None if rule is None else self.rules.index(rule)
        return self._known[key]

    def presence(self, pattern: str) -> Expression | None:
        """Whether there is the one tensor of `pattern`, by more than two things that have to hold."""
        rows: Rows = [(i, ()) for i in self._observed]
        wanted = sum(1 << n for n, (i, _) in enumerate(rows) if pattern in self._observed[i].tensors)
        return Literals(self._probes, rows, self._reads, []).find(wanted)

    def shape(self, there: Mapping[int, Tensors]) -> list[Expression] | None:
        """The shape of each tensor of a pattern by its numbers; None where one axis is not found."""
        rows: Rows = []
        shapes: list[tuple[int, ...]] = []
        followed: list[Sequence[Any]] = []
        for i, one in there.items():
            rows += [(i, numbers_of(name)) for name in one.names]
            shapes += one.shapes
            followed += one.axes
        if len({len(one) for one in shapes}) != 1 or len(rows) > MOST_TENSORS:
            return None
        fitter: RowFitter | None = None
        found: list[Expression] = []
        for axis in range(len(shapes[0])):
            sizes = [one[axis] for one in shapes]
            rule = self._followed(rows, sizes, [axes[axis] for axes in followed])
            if rule is None:
                fitter = fitter or RowFitter(self._probes, rows, self._reads)
                rule = fitter.fit(sizes)
            if rule is None:
                return None
            found.append(rule)
        return found

    def _followed(self, rows: Rows, sizes: Sequence[int], rules: Sequence[Expression | None]) -> Expression | None:
        """The rule by which the code computed a size, where it is the same for all once its indices are the tensors' own."""
        general = {
            str(one): one
            for one in (generalized(rule, place) for rule, (_, place) in zip(rules, rows, strict=True))
            if one is not None
        }
        for rule in sorted((*general.values(), *{str(one): one for one in rules if one is not None}.values()), key=weight)[:20]:
            if all(evaluate(rule, at(self._probes[i], place)) == size for (i, place), size in zip(rows, sizes, strict=True)):
                return rule
        return None

    def _rule(self, prefixes: Sequence[str], there: Mapping[int, frozenset[Place]]) -> list[Any] | None:
        bounds: list[Expression] = []
        for star, prefix in enumerate(prefixes):
            found = self._bound(prefix, star, there)
            if found is None:
                return None
            bounds.append(found)
        universe: dict[int, list[Place]] = {}
        for i in there:
            places = spread(bounds, self._probes[i])
            if places is None or not there[i] <= set(places):
                return None
            universe[i] = places
        if all(set(universe[i]) == there[i] for i in there):
            return [bounds]
        condition = self._condition(universe, there, bounds)
        return None if condition is None else [bounds, condition]

    def _bound(self, prefix: str, star: int, there: Mapping[int, frozenset[Place]]) -> Expression | None:
        own = {one[star] for places in there.values() for one in places}
        same = all({one[star] for one in places} in (set(), own) for places in there.values())
        by_probe = self._totals[prefix]
        if star == 0 or all(len(set(totals.values())) <= 1 for totals in by_probe.values()):
            found = self.fitter.count({i: max(totals.values()) for i, totals in by_probe.items()})
            if found is not None and not (same and isinstance(found, int) and own != set(range(found))):
                return found
        elif star:
            rows = [(i, before) for i, totals in by_probe.items() for before in totals]
            found = RowFitter(self._probes, rows, self._reads).count([by_probe[i][before] for i, before in rows])
            if found is not None:
                return found
        return ["of", *sorted(own)] if same and len(own) < LARGEST_STEP else None

    def _condition(
        self, universe: Mapping[int, Sequence[Place]], there: Mapping[int, frozenset[Place]], bounds: Sequence[Expression]
    ) -> Expression | None:
        rows = [(i, place) for i, places in universe.items() for place in places]
        kept = rows if len(rows) <= MOST_ROWS else _spread_out(rows)
        wanted = sum(1 << at for at, (i, place) in enumerate(kept) if place in there[i])
        literals = Literals(self._probes, kept, self._reads, bounds)
        for known, *condition in self.rules:
            if known == bounds and condition:
                literals.add(condition[0])
        found = literals.find(wanted)
        if found is None:
            return None
        right = all(evaluate(found, at(self._probes[i], place)) == int(place in there[i]) for i, place in rows)
        return found if right else None


def list_of_words(bound: Expression, rows: Mapping[int, Sequence[str]], probes: Sequence[Mapping[str, Any]]) -> list[Any] | None:
    """A list with a word for each layer as a rule: [bound, [word, condition] ..., last word]; None where none was found."""
    places = [(i, (number,)) for i, words in rows.items() for number in range(len(words))]
    if (
        any(evaluate(bound, at(probes[i], ())) != len(words) for i, words in rows.items())
        or not places
        or len(places) > MOST_TENSORS
    ):
        return None
    kept = places if len(places) <= MOST_ROWS else _spread_out(places)
    words = sorted({word for one in rows.values() for word in one}, key=lambda word: (word == "full_attention", word))
    names = {name for probe in probes for name in probe}
    literals = Literals(probes, kept, frozenset(name for name in names if may_matter(name, None)), [bound])
    found: list[Any] = [bound]
    for word in words[:-1]:
        rule = literals.find(sum(1 << n for n, (i, place) in enumerate(kept) if rows[i][place[0]] == word))
        if rule is None or any(evaluate(rule, at(probes[i], place)) != int(rows[i][place[0]] == word) for i, place in places):
            return None
        found.append([word, rule])
    return [*found, words[-1]]


def list_of_layers(bound: Expression, rows: Mapping[int, Sequence[int]], probes: Sequence[Mapping[str, Any]]) -> list[Any] | None:
    """A list of the numbers of layers as a rule: [bound, [null, condition]]; None where none was found."""
    counts = {i: evaluate(bound, at(probes[i], ())) for i in rows}
    if any(count is None or any(not 0 <= one < count for one in rows[i]) for i, count in counts.items()):
        return None
    places = [(i, (number,)) for i, count in counts.items() for number in range(count or 0)]
    if not places or len(places) > MOST_ROWS:
        return None
    if all(place[0] in rows[i] for i, place in places):
        return [bound, [None, 1]]
    names = {name for probe in probes for name in probe}
    literals = Literals(probes, places, frozenset(name for name in names if may_matter(name, None)), [bound])
    rule = literals.find(sum(1 << n for n, (i, place) in enumerate(places) if place[0] in rows[i]))
    return None if rule is None else [bound, [None, rule]]


def reads_of(observed: Mapping[int, Observation]) -> frozenset[str]:
    """The fields that the code of a class reads."""
    return frozenset().union(*(one.reads for one in observed.values()))


def numbers_of(name: str) -> Place:
    """The numbers in a name."""
    return tuple(map(int, NUMBER.findall(name)))


def at(probe: Mapping[str, Any], place: Place) -> Any:
    """Looks up the fields of a probe, and the numbers of a name as `#0`, `#1`."""

    def lookup(path: str) -> object:
        return place[int(path[1:])] if path.startswith("#") else probe.get(path)

    return lookup


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


def spread(bounds: Sequence[Expression], probe: Mapping[str, Any]) -> list[Place] | None:
    """All numbers within the bounds."""
    found: list[Place] = [()]
    for bound in bounds:
        longer: list[Place] = []
        for place in found:
            if isinstance(bound, list) and bound[0] == "of":
                longer += [(*place, number) for number in bound[1:]]
                continue
            count = evaluate(bound, at(probe, place))
            if count is None or count > 5000:
                return None
            longer += [(*place, number) for number in range(count)]
        found = longer
    return found


def _spread_out(rows: Rows) -> Rows:
    step = -(-len(rows) // MOST_ROWS)
    return [row for index, row in enumerate(rows) if (index * 7919) % step == 0]


class RowFitter:
    """Fits one number for each of many tensors: over the fields of their configs, and their own numbers."""

    def __init__(
        self, probes: Sequence[Mapping[str, Any]], rows: Rows, reads: frozenset[str], asked: Iterable[Expression] = ()
    ) -> None:
        self._rows = rows if len(rows) <= 120 else rows[:: -(-len(rows) // 120)]
        self._places = {id(row): index for index, row in enumerate(self._rows)}
        self._step = 1 if len(rows) <= 120 else -(-len(rows) // 120)
        made = [self._row(probes[i], place, reads) for i, place in self._rows]
        depth = max((len(place) for _, place in rows), default=0)
        powers: list[Expression] = [["**", 2, f"#{star}"] for star in range(depth)]
        self._fitter = Fitter(made, frozenset(name for row in made for name in row), [*powers, *asked])
        self._all = [(probes[i], place) for i, place in rows]

    @staticmethod
    def _row(probe: Mapping[str, Any], place: Place, reads: frozenset[str]) -> dict[str, Any]:
        found: dict[str, Any] = {name: value for name, value in probe.items() if name in reads}
        for star, number in enumerate(place):
            found[f"#{star}"] = number
            for name, value in list(found.items()):
                if isinstance(value, list | tuple) and value and all(type(one) is int or isinstance(one, int) for one in value):
                    for delta in (-1, 0, 1):
                        if 0 <= number + delta < len(value):
                            found[f"{name}@{star}@{delta}"] = value[number + delta]
        return found

    def fit(self, values: Sequence[int], *, count: bool = False) -> Expression | None:
        """The expression that gives `values`, one a row."""
        picked = dict(enumerate(values[:: self._step]))
        found = self._fitter.count(picked) if count else self._fitter.size(picked)
        if found is None:
            return None
        rule = _items(found)
        right = all(evaluate(rule, at(probe, place)) == value for (probe, place), value in zip(self._all, values, strict=True))
        return rule if right else None

    def count(self, values: Sequence[int]) -> Expression | None:
        """The same for how many there are."""
        return self.fit(values, count=True)


def _items(rule: Any) -> Any:
    """`depths@0@-1` as the item of `depths` before the number `#0`."""
    if isinstance(rule, str) and "@" in rule:
        name, star, delta = rule.rsplit("@", 2)
        number: Expression = f"#{star}"
        return ["item", name, number if delta == "0" else ["+", number, int(delta)]]
    if isinstance(rule, list):
        return [rule[0], *map(_items, rule[1:])]
    return rule


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
