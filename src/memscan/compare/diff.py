"""Two sides compared: every tensor of both in exactly one place, so that the bytes add up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from memscan.compare.change import Change, Kind, added, differences, removed
from memscan.compare.group import Group, grouped
from memscan.compare.modules import Node, module_tree
from memscan.compare.pattern import Patterns
from memscan.compare.renames import matched
from memscan.compare.rule import Rule, rules
from memscan.compare.side import Level, Side, by_modules, by_totals
from memscan.errors import UsageError
from memscan.tensor import TensorInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Tensors of one sort, counted."""

    tensors: int
    before_bytes: int
    after_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What differs."""

    before: Side
    after: Side
    level: Level
    """How finely both are known: at the level of modules each change is one of what a module holds by itself."""
    changes: tuple[Change, ...]
    """All tensors that differ, each in one of them."""
    same: Sum
    """Those that do not."""
    sums: Mapping[Kind, Sum]
    """The changes by kind, those kinds that there are; a change of two kinds is in both."""
    groups: tuple[Group, ...]
    """The changes but for pure renames, those with the most bytes first."""
    renames: tuple[Rule, ...]
    modules: Node = field(compare=False)
    """Of all tensors, the same ones too."""

    @property
    def growth(self) -> int:
        """Bytes that came, below zero where they went."""
        return self.after.nbytes - self.before.nbytes

    @property
    def is_empty(self) -> bool:
        """Whether nothing that is known of both differs."""
        if self.level is not Level.TOTALS:
            return not self.changes
        before, after = self.before, self.after
        return before.nbytes == after.nbytes and all(
            one == other
            for one, other in ((before.parameters, after.parameters), (before.count, after.count), (before.dtypes, after.dtypes))
            if one is not None and other is not None and one != {} and other != {}
        )

    @property
    def pure_renames(self) -> tuple[Rule, ...]:
        """The rules of the tensors that differ in their names alone, and so are in no group."""
        return rules((change for change in self.changes if change.kinds == (Kind.RENAMED,)), Patterns())


def compare(before: Side, after: Side) -> Diff:
    """What differs between two sides of one scope; as finely as both are known."""
    if before.scope != after.scope:
        raise UsageError(f"{before.scope} of one model is not compared with {after.scope} of another; give one --scope")
    level = min(before.level, after.level)
    if level is Level.MODULES:
        before, after = _as_modules(before, after)
    if level is Level.TOTALS:
        before, after = by_totals(before), by_totals(after)
    old, new = (before.tensors, after.tensors) if level is not Level.TOTALS else ((), ())
    patterns = Patterns()
    same, changes = _paired(old, new, patterns)
    nbytes = sum([one.nbytes for one in same])
    return Diff(
        before=before, after=after, level=level, changes=tuple(changes),
        same=Sum(tensors=len(same), before_bytes=nbytes, after_bytes=nbytes), sums=_sums(changes),
        groups=grouped(changes, patterns), renames=rules(changes, patterns),
        modules=module_tree(_by_pattern(same, changes, patterns), are_modules=level is Level.MODULES),
    )  # fmt: skip


def _as_modules(before: Side, after: Side) -> tuple[Side, Side]:
    counted = before.parameters is not None and after.parameters is not None
    depth = min(side.depth for side in (before, after) if side.level is Level.MODULES)
    return by_modules(before, depth, counted=counted), by_modules(after, depth, counted=counted)


def _paired(old: Sequence[TensorInfo], new: Sequence[TensorInfo], patterns: Patterns) -> tuple[list[TensorInfo], list[Change]]:
    """The tensors that are the same on both sides, and the changes."""
    olds, twice = _by_name(old)
    news, again = _by_name(new)
    same: list[TensorInfo] = []
    changes: list[Change] = []
    for name, one in news.items():
        before = olds.get(name)
        if before is None:
            continue
        is_same = before.shape == one.shape and before.dtype.name == one.dtype.name and before.nbytes == one.nbytes
        if not is_same and (kinds := differences(before, one)):
            changes.append(Change(before, one, kinds))
        else:
            same.append(one)
    gone = [one for name, one in olds.items() if name not in news]
    come = [one for name, one in news.items() if name not in olds]
    return same, [*changes, *matched(gone, come, patterns), *map(removed, twice), *map(added, again)]


def _by_name(tensors: Iterable[TensorInfo]) -> tuple[dict[str, TensorInfo], list[TensorInfo]]:
    """The tensors by name, and those whose name another had before: no byte is lost, whatever the header holds."""
    found: dict[str, TensorInfo] = {}
    twice = [one for one in tensors if found.setdefault(one.name, one) is not one]
    return found, twice


def _by_pattern(same: Iterable[TensorInfo], changes: Iterable[Change], patterns: Patterns) -> dict[str, tuple[int, int]]:
    """Bytes before and after of each pattern."""
    sums: dict[str, list[int]] = {}
    for one in same:
        both = sums.setdefault(patterns[one.name][0], [0, 0])
        both[0] += one.nbytes
        both[1] += one.nbytes
    for change in changes:
        both = sums.setdefault(patterns[change.name][0], [0, 0])
        both[0] += 0 if change.before is None else change.before.nbytes
        both[1] += 0 if change.after is None else change.after.nbytes
    return {pattern: (before, after) for pattern, (before, after) in sums.items()}


def _sums(changes: Iterable[Change]) -> dict[Kind, Sum]:
    counts = {kind: [0, 0, 0] for kind in Kind}
    for change in changes:
        before = 0 if change.before is None else change.before.nbytes
        after = 0 if change.after is None else change.after.nbytes
        for kind in change.kinds:
            counted = counts[kind]
            counted[0] += 1
            counted[1] += before
            counted[2] += after
    return {kind: Sum(tensors=count, before_bytes=old, after_bytes=new) for kind, (count, old, new) in counts.items() if count}
