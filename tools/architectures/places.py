"""Where the tensors of a pattern stand: which numbers take the place of the stars in their names.

A rule is a bound for each star, in which the numbers before it may stand (`#0` is the first), and a condition on all of them: the
experts of a model whose first layers have none, the blocks of each stage. Patterns that stand at the same places share a rule.

The condition is found by elimination: of all that can be asked of a layer, what is true of every layer that has the tensor, as
many of it as are needed to rule the others out; or the same of the layers that have it not.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from architectures.atoms import Expression, may_matter, weight
from architectures.cases import Case, Cases, Row, Shape, generalized, holds
from architectures.fit import Fitter
from architectures.literals import LARGEST_STEP, MOST_TENSORS, Literals, at, spread_out
from architectures.names import starred
from architectures.observe import Observation, Tensors
from architectures.row_fitter import RowFitter
from architectures.shapes import NUMBER
from memscan.architecture.expression import evaluate

Place = tuple[int, ...]
Rows = list[tuple[int, Place]]
"""A probe, and the numbers of one name in it."""

ALL, NOWHERE = -2, -1  # rules: every number up to the count; none that is known
FITTED = 4  # times that a rule over fields and numbers is looked for, for the cases of one pattern


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
        prefixes = tuple("*".join(pattern.split("*")[: star + 1]) for star in range(stars))
        first = stars == 1 and all(one == {(n,) for n in range(len(one))} for one in there.values())
        if not stars or (first and all(len(one) == self._totals[prefixes[0]][i][()] for i, one in there.items())):
            return ALL
        key = (prefixes, tuple(sorted((i, tuple(sorted(one))) for i, one in there.items())))
        if key not in self._known:
            rule = self._rule(prefixes, {i: there.get(i, frozenset()) for i in self._observed})
            if rule is not None and rule not in self.rules:
                self.rules.append(rule)
            # The first few of the layers, by a number that was never more than there are, where no rule says which.
            self._known[key] = (ALL if first else None) if rule is None else self.rules.index(rule)
        return self._known[key]

    def presence(self, pattern: str) -> Expression | None:
        """Whether there is the one tensor of `pattern`, by more than two things that have to hold."""
        rows: Rows = [(i, ()) for i in self._observed]
        wanted = sum(1 << n for n, (i, _) in enumerate(rows) if pattern in self._observed[i].tensors)
        return Literals(self._probes, rows, self._reads, []).find(wanted)

    def shape(self, there: Mapping[int, Tensors], rule: int | None) -> Shape | dict[str, Any] | None:
        """The shapes of a pattern that stands by `rule`: one for all, `each` by its numbers, or `cases`; None where not found."""
        if rule is None:
            return None
        rows = [
            Row(i, numbers_of(name), shape, axes)
            for i, one in there.items()
            for name, shape, axes in zip(one.names, one.shapes, one.axes, strict=True)
        ]
        if len(rows) > MOST_TENSORS:
            return None
        cases = self._cases(rows, rule)
        # What the code tells, before what is fitted: that takes long, and may be so by chance.
        for find in (self._directly(rows, fitted=False), cases.told, self._directly(rows, fitted=True), cases.find):
            found = find()
            if found is not None and holds(found, rows, self._value):
                ((_, shape), *more) = found
                return {"cases": found} if more else {"each": shape} if "#" in str(shape) else shape
        return None

    def _directly(self, rows: Sequence[Row], *, fitted: bool) -> Callable[[], list[Case] | None]:
        def direct() -> list[Case] | None:
            shape = self._direct(rows, fitted=fitted) if len({len(row.shape) for row in rows}) == 1 else None
            return None if shape is None else [[1, shape]]

        return direct

    def _cases(self, rows: Sequence[Row], rule: int) -> Cases:
        kept = spread_out(rows)
        stars = len(rows[0].place)
        bounds = self.rules[rule][0] if rule >= 0 else [None] * stars
        literals = Literals(self._probes, [(row.probe, row.place) for row in kept], self._reads, bounds)
        tries = iter(range(FITTED))

        def direct(some: Sequence[Row], fitted: bool) -> Shape | None:
            return self._direct(some, fitted=fitted and bool(stars) and next(tries, None) is not None)

        return Cases(kept, literals, self.fitter, direct, self._value)

    def _value(self, expression: Expression, row: Row) -> int | None:
        return evaluate(expression, at(self._probes[row.probe], row.place))

    def _direct(self, rows: Sequence[Row], *, fitted: bool) -> list[Expression] | None:
        """One rule for all of `rows`: how the code computed it, or else one that is `fitted`."""
        places = [(row.probe, row.place) for row in rows]
        fitter: RowFitter | None = None
        found: list[Expression] = []
        for axis in range(len(rows[0].shape)):
            sizes = [row.shape[axis] for row in rows]
            rule = self._followed(places, sizes, [row.axes[axis] for row in rows])
            if rule is None and fitted:
                fitter = fitter or RowFitter(self._probes, places, self._reads)
                rule = fitter.fit(sizes)
            if rule is None:
                return None
            found.append(rule)
        return found

    def _followed(self, rows: Rows, sizes: Sequence[int], rules: Sequence[Expression | None]) -> Expression | None:
        """The rule by which the code computed a size, where it is the same for all once its indices are the tensors' own."""
        several = len({place[0] for _, place in rows if place}) > 1
        general = {
            str(one): one
            for one in (generalized(rule, place) for rule, (_, place) in zip(rules, rows, strict=True) if several)
            if one is not None
        }
        plain = {str(one): one for one in rules if one is not None}
        for rule in (*sorted(general.values(), key=weight)[:20], *sorted(plain.values(), key=weight)[:20]):
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
        kept = spread_out(rows)
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


def reads_of(observed: Mapping[int, Observation]) -> frozenset[str]:
    """The fields that the code of a class reads."""
    return frozenset().union(*(one.reads for one in observed.values()))


def numbers_of(name: str) -> Place:
    """The numbers in a name."""
    return tuple(map(int, NUMBER.findall(name)))


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
