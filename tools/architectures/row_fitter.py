"""Fits one number for each of many tensors: over the fields of their configs, and their own numbers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from architectures.atoms import Expression
from architectures.fit import Fitter
from architectures.literals import Place, Rows, at
from memscan.architecture.expression import evaluate


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
