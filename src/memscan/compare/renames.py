"""Which of the tensors that are gone are the ones that are new, under other names."""

from collections.abc import Sequence

from memscan.compare import change
from memscan.compare.change import Change
from memscan.compare.pattern import Patterns, families
from memscan.compare.places import Matcher
from memscan.compare.prefixes import by_prefix
from memscan.tensor import TensorInfo


def matched(removed: Sequence[TensorInfo], added: Sequence[TensorInfo], patterns: Patterns) -> list[Change]:
    """A change for each of `removed` and `added`, in one of which two of them may be together.

    What stands in one of the changes stands in no other: no byte is lost and none counted twice. Names stand once on a side.
    """
    if not removed or not added:
        return [*map(change.removed, removed), *map(change.added, added)]
    old, new = families(removed, patterns), families(added, patterns)
    found = [*by_prefix(old, new), *Matcher().by_place(old, new)]
    found += [change.removed(tensor) for family in old.values() for tensor in family.members.values()]
    found += [change.added(tensor) for family in new.values() for tensor in family.members.values()]
    return found
