"""Changes of one sort to the tensors of one pattern, as one line: `model.layers.*.mlp.experts.*.up_proj.weight, 58 x 256`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from memscan.compare.change import Change, Kind
from memscan.compare.pattern import Numbers, Patterns

Shape = tuple[int, ...]
Key = tuple[str, str | None, tuple[Kind, ...], tuple[str | None, str | None]]
RENAMED = (Kind.RENAMED,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One line of a comparison."""

    pattern: str
    """After the change; before it, where the tensors are gone."""
    old_pattern: str | None
    """Before the change, where it was another."""
    kinds: tuple[Kind, ...]
    dtypes: tuple[str | None, str | None]
    """Before and after; None where there is no tensor."""
    shapes: tuple[Shape | None, Shape | None]
    """Before and after; None where there is no tensor, or where the tensors differ."""
    extents: tuple[int, ...]
    """How many numbers stand in each place of the pattern, where all combinations are there; else nothing."""
    before_bytes: int
    after_bytes: int
    changes: tuple[Change, ...]

    @property
    def tensors(self) -> int:
        """How many there are."""
        return len(self.changes)

    @property
    def growth(self) -> int:
        """Bytes that came."""
        return self.after_bytes - self.before_bytes


def grouped(changes: Iterable[Change], patterns: Patterns) -> tuple[Group, ...]:
    """The groups of `changes`, that with the most bytes that came or went first; pure renames are not among them."""
    found: dict[Key, list[Change]] = {}
    for change in changes:
        kinds = change.kinds
        if kinds == RENAMED:
            continue
        before, after = change.before, change.after
        old = patterns[before.name][0] if before is not None and before.name != change.name else None
        dtypes = (None if before is None else before.dtype.name, None if after is None else after.dtype.name)
        found.setdefault((patterns[change.name][0], old, kinds, dtypes), []).append(change)
    groups = [_group(key, members, [patterns[one.name][1] for one in members]) for key, members in found.items()]
    return tuple(sorted(groups, key=_weight))


def _group(key: Key, members: Sequence[Change], places: Sequence[Numbers]) -> Group:
    pattern, old, kinds, dtypes = key
    before = [change.before for change in members if change.before is not None]
    after = [change.after for change in members if change.after is not None]
    return Group(
        pattern=pattern, old_pattern=old, kinds=kinds, dtypes=dtypes,
        shapes=(_one_shape([one.shape for one in before]), _one_shape([one.shape for one in after])),
        extents=_extents(places), changes=tuple(members),
        before_bytes=sum([one.nbytes for one in before]), after_bytes=sum([one.nbytes for one in after]),
    )  # fmt: skip


def _one_shape(shapes: Sequence[Shape]) -> Shape | None:
    return shapes[0] if shapes and shapes.count(shapes[0]) == len(shapes) else None


def _extents(places: Sequence[Numbers]) -> tuple[int, ...]:
    if len({len(numbers) for numbers in places}) > 1:  # a stranger's name has the wild card itself in place of a number
        return ()
    counts = tuple(len(set(column)) for column in zip(*places, strict=True))
    return counts if prod(counts) == len(places) else ()


def _weight(group: Group) -> tuple[int, int, str]:
    return -abs(group.growth), -max(group.before_bytes, group.after_bytes), group.pattern
