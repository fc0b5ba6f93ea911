"""Finds the expression of config fields that gives a number in every probe.

An expression is JSON: an integer, the path of a field, or a list of an operator and its operands, as
`memscan.architecture.expression` evaluates them. Simple ones are tried first; one that fits every probe but stands for nothing is
unlikely, because the probes differ in all fields at once.

Vectors, one number a probe, are compared by a linear hash: that of a sum is the sum of the hashes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from architectures.atoms import Expression, atoms, may_matter, values, weight

Ints = np.ndarray[Any, np.dtype[np.int64]]

CONSTANTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 32, 64)
SPLITTING = ("none", "true", "false", "equal", "positive", "==", "!=", "<", "<=")  # what a field may decide by itself
SEVERAL = 3  # layers and experts: fewer of something are hardly ever a field
LARGE = 24  # sizes from here on are hardly ever written into the code
CHOICES, MOST_CHOICES = 2, 40  # how often one thing or another is asked, and how many things are tried
FEW = 2  # probes that say too little
JOINED, WIDE = 5, 8  # probes that two atoms, and three, have to agree with: fewer fit by chance
MANY = 70  # atoms that are not combined in threes any more
HUGE = 1 << 40
KEPT = 12  # searches over some of the probes: each may take a gigabyte


class Fitter:
    """Fits numbers over a fixed row of probes; each probe is its fields by their dotted path."""

    def __init__(
        self, probes: Sequence[Mapping[str, Any]], reads: frozenset[str] | None = None, asked: Iterable[Expression] = ()
    ) -> None:
        self._probes = probes
        self._atoms = atoms(probes, reads, asked)
        names = sorted({name for probe in probes for name in probe if may_matter(name, reads)})
        self._columns = {name: [probe.get(name) for probe in probes] for name in names}
        self._known: dict[tuple[tuple[int, ...], tuple[int, ...]], Expression | None] = {}
        self._levels: dict[tuple[int, ...], _Level] = {}

    def fit(self, values: Mapping[int, int]) -> Expression | None:
        """The expression that is `values[i]` in probe `i`, for each `i` given; None where none was found."""
        where = tuple(sorted(values))
        target = tuple(values[i] for i in where)
        key = (target, where)
        if key not in self._known:
            self._known[key] = self._find(target, where)
        return self._known[key]

    def followed(self, wanted: Mapping[int, int], rules: Iterable[Expression]) -> Expression | None:
        """The simplest of `rules`, each what a number was computed from in some probe, that gives it in all of them.

        Where no single one does, several of them and what is asked to choose between them.
        """
        given = sorted(((values(rule, self._probes), rule) for rule in rules), key=lambda pair: weight(pair[1]))
        right = [(frozenset(i for i in wanted if vector[i] == wanted[i]), rule) for vector, rule in given]
        return self._chosen(frozenset(wanted), right, CHOICES)

    def _chosen(
        self, wanted: frozenset[int], right: Sequence[tuple[frozenset[int], Expression]], choices: int
    ) -> Expression | None:
        """One rule that is right in all of the probes `wanted`, or one for those where something is on, and others elsewhere."""
        for where, rule in right:
            if wanted <= where:
                return rule
        if not choices or frozenset().union(*(where for where, _ in right)) < wanted:
            return None
        found: list[tuple[int, frozenset[int], Expression, Expression]] = []
        for vector, expression in self._atoms:
            on = frozenset(i for i in wanted if vector[i] == 1)
            if len(on) < FEW or on == wanted or any(vector[i] not in (0, 1) for i in wanted):
                continue
            found += [(len(on), on, expression, rule) for where, rule in right if on <= where][:1]
        for _, on, expression, rule in sorted(found, key=lambda one: -one[0])[:MOST_CHOICES]:
            rest = self._chosen(wanted - on, right, choices - 1)
            if rest is not None:
                return ["if", expression, rule, rest]
        return None

    def count(self, values: Mapping[int, int]) -> Expression | None:
        """The same for how many there are: what never changed is a number of layers that never changed, if it is just one."""
        found = self.fit(values)
        if not isinstance(found, int) or found < SEVERAL:
            return found
        fields = [name for name, column in self._columns.items() if all(column[i] == found for i in values)]
        layers = [name for name in fields if name.endswith(("layers", "depth", "experts", "n_layer"))]
        return found if not fields else layers[0] if len(layers) == 1 else None

    def size(self, values: Mapping[int, int]) -> Expression | None:
        """The same for one dimension: a large number that never changed is a field that never changed, if it is just one."""
        found = self.fit(values)
        if not isinstance(found, int) or found < LARGE:
            return found
        fields = [name for name, column in self._columns.items() if all(column[i] == found for i in values)]
        return found if not fields else fields[0] if len(fields) == 1 else None

    def _find(self, target: tuple[int, ...], where: tuple[int, ...]) -> Expression | None:
        if len(set(target)) <= 1:
            return target[0] if target else None
        if max(map(abs, target)) > HUGE:
            return None
        level = self._level(where)
        # Two switches are one that needs both, before they are a difference that can be less than nothing.
        found = (level.switch(target) if set(target) == {0, 1} else None) or level.short(target)
        if found is None and 0 in target:
            found = self._switched(target, where, level)
        if found is None and len(where) >= WIDE:
            found = level.find(target)
        return self._either(target, where) if found is None else found

    def _either(self, target: tuple[int, ...], where: tuple[int, ...]) -> Expression | None:
        """One thing where a field is null, another where it is not: `head_dim or hidden_size // num_attention_heads`."""
        for vector, expression in self._atoms:
            if not isinstance(expression, list) or expression[0] not in SPLITTING:
                continue
            on = {probe: value for probe, value in zip(where, target, strict=True) if vector[probe] == 1}
            off = {probe: value for probe, value in zip(where, target, strict=True) if vector[probe] == 0}
            if len(on) < FEW or len(off) < FEW:
                continue
            first = self._near(on)
            second = None if first is None else self._near(off)
            if second is not None and not (isinstance(first, int) and isinstance(second, int)):
                return ["if", expression, first, second]
        return None

    def _near(self, values: Mapping[int, int]) -> Expression | None:
        """An expression without a choice in it."""
        where = tuple(sorted(values))
        target = tuple(values[i] for i in where)
        if len(set(target)) <= 1:
            return target[0]
        level = self._level(where)
        found = level.short(target)
        return level.find(target) if found is None and len(where) >= WIDE else found

    def _level(self, where: tuple[int, ...]) -> "_Level":
        if where not in self._levels:
            if len(self._levels) == KEPT:
                del self._levels[next(iter(self._levels))]
            self._levels[where] = _Level(self._atoms, where)
        return self._levels[where]

    def _switched(self, target: tuple[int, ...], where: tuple[int, ...], level: "_Level") -> Expression | None:
        """A product of a switch, off just where the number is 0, and what it is where the switch is on."""
        switch = level.switch(tuple(int(value != 0) for value in target))
        if switch is None:
            return None
        on = {probe: value for probe, value in zip(where, target, strict=True) if value != 0}
        rest = self.fit(on)
        if rest is None or (len(on) <= FEW and not isinstance(rest, int)):
            return None
        return switch if rest == 1 else ["*", rest, switch]


class _Rows:
    """Vectors with the expressions they come from."""

    def __init__(self, matrix: Ints, expressions: Sequence[Expression], weights: Ints) -> None:
        self.matrix, self.expressions, self._weights = matrix, expressions, weights
        self.hashes = _hashed(matrix, weights)
        self._order = np.argsort(self.hashes, kind="stable")
        self._sorted = self.hashes[self._order]

    def at(self, hashes: Ints) -> Iterator[tuple[int, int]]:
        """Pairs (position in `hashes`, row here) that are equal."""
        if not len(self._sorted):
            return
        places = np.searchsorted(self._sorted, hashes)
        places[places == len(self._sorted)] = 0
        for position in np.nonzero(self._sorted[places] == hashes)[0][:200]:
            yield int(position), int(self._order[places[position]])

    def find(self, vector: Ints) -> Expression | None:
        for _, row in self.at(_hashed(vector[None, :], self._weights)):
            return self.expressions[row]
        return None


class _Level:
    """The atoms over some of the probes, and the search in them."""

    def __init__(self, all_atoms: Sequence[tuple[tuple[Any, ...], Expression]], where: tuple[int, ...]) -> None:
        rows: dict[tuple[int, ...], Expression] = {}
        self._switches: dict[tuple[int, ...], Expression] = {}
        for vector, expression in all_atoms:
            part = tuple(vector[i] for i in where)
            if None in part or len(set(part)) < 2 or max(map(abs, part)) > HUGE:
                continue
            if set(part) == {0, 1}:
                self._switches.setdefault(part, expression)
            rows.setdefault(part, expression)
        self._both()
        self._weights = np.random.default_rng(7).integers(-(1 << 62), 1 << 62, len(where), dtype=np.int64)
        matrix = np.array(list(rows), dtype=np.int64).reshape(len(rows), len(where))
        self._plain = _Rows(matrix, list(rows.values()), self._weights)
        self._once = self._with_constants(self._plain)
        self._pairs: _Rows | None = None

    def _both(self) -> None:
        single = list(self._switches.items())[:60]
        for index, (a, first) in enumerate(single):
            for b, second in single[index + 1 :]:
                part = tuple(x * y for x, y in zip(a, b, strict=True))
                if any(part):
                    self._switches.setdefault(part, ["*", first, second])

    def switch(self, wanted: tuple[int, ...]) -> Expression | None:
        """A switch, or two of them, that is on just where wanted."""
        return self._switches.get(wanted)

    def short(self, target: tuple[int, ...]) -> Expression | None:
        """An atom, alone or with a constant; or two of them, where there are enough probes to tell."""
        vector = np.array(target, dtype=np.int64)
        found = self._once.find(vector)
        return self._joined(vector, self._once, self._once) if found is None and len(target) >= JOINED else found

    def find(self, target: tuple[int, ...]) -> Expression | None:
        """Three atoms, with constants."""
        vector = np.array(target, dtype=np.int64)
        if len(self._plain.expressions) > MANY:
            return None
        if self._pairs is None:
            self._pairs = self._paired()
        found = self._pairs.find(vector)
        return self._joined(vector, self._once, self._pairs) if found is None else found

    def _joined(self, target: Ints, one: _Rows, other: _Rows) -> Expression | None:
        """`one` and `other`, added, subtracted or multiplied."""
        made: list[Expression] = []
        whole = _hashed(target[None, :], self._weights)[0]
        with np.errstate(over="ignore"):
            made.extend(["+", other.expressions[j], one.expressions[i]] for i, j in other.at(whole - one.hashes))
            made.extend(["-", other.expressions[j], one.expressions[i]] for i, j in other.at(whole + one.hashes))
        safe = np.where(one.matrix == 0, 1, one.matrix)
        divides = np.all((one.matrix != 0) & (target[None, :] % safe == 0), axis=1)
        positions = np.nonzero(divides)[0]
        if len(positions):
            quotients = _hashed(target[None, :] // one.matrix[positions], self._weights)
            made.extend(["*", other.expressions[j], one.expressions[int(positions[i])]] for i, j in other.at(quotients))
        return min(made, key=weight, default=None)

    def _with_constants(self, rows: _Rows) -> _Rows:
        found: dict[bytes, Expression] = {}
        blocks: list[Ints] = []

        def add(matrix: Ints, expressions: Sequence[Expression]) -> None:
            keep = []
            for index, expression in enumerate(expressions):
                key = matrix[index].tobytes()
                if key not in found:
                    found[key] = expression
                    keep.append(index)
            blocks.append(matrix[keep])

        plain, names = rows.matrix, rows.expressions
        add(plain, names)
        for c in CONSTANTS:
            add(plain + c, [["+", name, c] for name in names])
            add(plain - c, [["-", name, c] for name in names])
            if c > 1:
                add(plain * c, [["*", name, c] for name in names])
                # Where sizes are even both fit; what is halved most is `arange(0, dim, 2)` of rotary embeddings, which rounds up.
                add(-(-plain // c), [["ceil", name, c] for name in names])
                add(plain // c, [["//", name, c] for name in names])
        small = np.where(np.abs(plain) < 1 << 20, plain, 0)
        add(small * small, [["*", name, name] for name in names])
        add((2 * small - 1) ** 2, [["**", ["-", ["*", name, 2], 1], 2] for name in names])
        return _Rows(np.concatenate(blocks), list(found.values()), self._weights)

    def _paired(self) -> _Rows:
        """Products, quotients and sums of two atoms, and those again halved or squared."""
        plain, names = self._plain.matrix, self._plain.expressions
        blocks: list[Ints] = []
        expressions: list[Expression] = []
        limit = 1 << 30
        for index, name in enumerate(names):
            row = plain[index]
            low = np.clip(plain, -limit, limit)
            blocks += [row[None, :] + plain, row[None, :] - plain, np.clip(row, -limit, limit)[None, :] * low]
            blocks += [np.maximum(row[None, :] - plain, 0), np.minimum(row[None, :], plain)]
            for operator in ("+", "-", "*"):
                expressions += [[operator, name, other] for other in names]
            expressions += [["max", ["-", name, other], 0] for other in names]
            expressions += [["min", name, other] for other in names]
            over = np.where(plain > 0, plain, HUGE)
            quotient = row[None, :] // over
            squared = np.clip(quotient, -limit, limit) ** 2
            blocks += [-(-quotient // 4), quotient * 2, quotient * 3]
            expressions += [["ceil", ["//", name, other], 4] for other in names]
            expressions += [["*", ["//", name, other], 2] for other in names]
            expressions += [["*", ["//", name, other], 3] for other in names]
            windows = (2 * low - 1) * (2 * np.clip(row, -limit, limit) - 1)[None, :]
            blocks += [quotient, -(-row[None, :] // over), squared, -(-quotient // 2), windows]
            expressions += [["//", name, other] for other in names]
            expressions += [["ceil", name, other] for other in names]
            expressions += [["**", ["//", name, other], 2] for other in names]
            expressions += [["ceil", ["//", name, other], 2] for other in names]
            expressions += [["*", ["-", ["*", other, 2], 1], ["-", ["*", name, 2], 1]] for other in names]
        if not blocks:
            return self._once
        return _Rows(np.concatenate(blocks), expressions, self._weights)


def _hashed(matrix: Ints, weights: Ints) -> Ints:
    with np.errstate(over="ignore"):
        return (matrix * weights[None, :]).sum(axis=1, dtype=np.int64)
