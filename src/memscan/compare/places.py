"""Renames by place: tensors of the same shape in the same block, whatever both sides call them.

Families are compared, not tensors, by the first member of each; a bucket holds those that could be one another, and names decide
within it. The number of names that are compared is bounded, so that no checkpoint makes the work grow with its square.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from memscan.compare.change import Change, Match, renamed
from memscan.compare.likeness import is_bias, likeness, words_of
from memscan.compare.pattern import Family
from memscan.compare.spelling import is_same_dtype, spelled

MAX_COMPARISONS = 20_000  # of names, in one comparison of two checkpoints
ALIKE = 0.4  # two names that are as alike as this may be those of one tensor
MARGIN = 0.15  # by which the best name has to be better than the next one

Key = tuple[object, ...]
KeyOf = Callable[[Family], Key]


@dataclass(slots=True)
class Bucket:
    """Families of both sides that could be one another."""

    old: list[Family] = field(default_factory=list)
    new: list[Family] = field(default_factory=list)

    @property
    def comparisons(self) -> int:
        """How many pairs there are."""
        return len(self.old) * len(self.new)

    @property
    def in_block(self) -> bool:
        """Whether they stand in numbered blocks."""
        return "*" in self.old[0].parts

    @property
    def is_unique(self) -> bool:
        """Whether there is one on each side, of a shape that hardly any other tensor has."""
        _, tensor = self.old[0].first() if self.old[0].members else (None, None)
        return len(self.old) == len(self.new) == 1 and tensor is not None and len(tensor.shape) > 1


class Matcher:
    """Matches what is left of two checkpoints, under one bound."""

    def __init__(self) -> None:
        """Nothing is compared yet."""
        self.comparisons = 0

    def by_place(self, removed: Mapping[str, Family], added: Mapping[str, Family]) -> Iterator[Change]:
        """Pairs of one shape and dtype in one place, then pairs of one shape alone whose names leave no doubt.

        They are taken out of their families.
        """
        for bucket in _buckets(removed, added, _shape_and_dtype):
            yield from self._pairs(bucket, doubt=True)
        for bucket in _buckets(removed, added, _shape):
            yield from self._pairs(bucket, doubt=False)

    def _pairs(self, bucket: Bucket, *, doubt: bool) -> Iterator[Change]:
        """The pairs of one bucket; where `doubt` is allowed, its place alone may decide."""
        may_compare = self.comparisons + bucket.comparisons <= MAX_COMPARISONS
        alike = self._alike(bucket) if may_compare else []
        for one, other in alike:
            yield from _paired(one, other, Match.LIKENESS, same_dtype=doubt)
        old, new = [one for one in bucket.old if one.members], [one for one in bucket.new if one.members]
        if doubt and len(old) == len(new) and (bucket.in_block or bucket.is_unique):
            for one, other in zip(old, new, strict=True):
                yield from _paired(one, other, Match.PLACE, same_dtype=True)

    def _alike(self, bucket: Bucket) -> list[tuple[Family, Family]]:
        """The pairs whose names are each other's best and clearly so, the most alike first."""
        self.comparisons += bucket.comparisons
        olds, news = [words_of(one.parts) for one in bucket.old], [words_of(one.parts) for one in bucket.new]
        values = [[likeness(one, other) for other in news] for one in olds]
        rows, columns = [_best_two(row) for row in values], [_best_two(column) for column in zip(*values, strict=True)]
        pairs = []
        for row, (column, value, rival) in enumerate(rows):
            best, _, other = columns[column]
            if best == row and value >= ALIKE and value >= max(rival, other) + MARGIN:
                pairs.append((value, bucket.old[row], bucket.new[column]))
        return [(old, new) for _, old, new in sorted(pairs, key=lambda pair: -pair[0])]


def _best_two(values: Sequence[float]) -> tuple[int, float, float]:
    """Where the largest of `values` stands, it, and the next one."""
    place = max(range(len(values)), key=values.__getitem__)
    rival = max((value for other, value in enumerate(values) if other != place), default=0.0)
    return place, values[place], rival


def _paired(old: Family, new: Family, match: Match, *, same_dtype: bool) -> Iterator[Change]:
    """The members of both that have the same numbers and shape."""
    shared = [
        numbers
        for numbers, tensor in old.members.items()
        if (other := new.members.get(numbers)) is not None
        and tensor.shape == other.shape
        and (not same_dtype or (is_same_dtype(tensor, other) and tensor.nbytes == other.nbytes))
    ]
    for numbers in shared:
        yield renamed(old.members.pop(numbers), new.members.pop(numbers), match)


def _buckets(removed: Mapping[str, Family], added: Mapping[str, Family], key: KeyOf) -> list[Bucket]:
    """The buckets with families of both sides."""
    found: dict[Key, Bucket] = {}
    for family in removed.values():
        if family.members:
            found.setdefault(key(family), Bucket()).old.append(family)
    for family in added.values():
        if family.members and (bucket := found.get(key(family))) is not None:
            bucket.new.append(family)
    return [bucket for bucket in found.values() if bucket.new]


def _shape_and_dtype(family: Family) -> Key:
    numbers, tensor = family.first()
    return numbers, tensor.shape, spelled(tensor.dtype.name), tensor.nbytes, is_bias(family.parts)


def _shape(family: Family) -> Key:
    numbers, tensor = family.first()
    return numbers, tensor.shape, is_bias(family.parts)
