"""What became of one tensor."""

from dataclasses import dataclass
from enum import StrEnum

from memscan.compare.spelling import is_same_dtype
from memscan.tensor import TensorInfo


class Kind(StrEnum):
    """One way in which a tensor differs; a tensor may differ in several."""

    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    RESIZED = "resized"
    """Of another shape."""
    RETYPED = "dtype"
    """Of another dtype."""
    REPACKED = "bytes"
    """Of the same shape and dtype in another number of bytes: a quantized weight with other groups."""


ADDED, REMOVED = (Kind.ADDED,), (Kind.REMOVED,)


class Match(StrEnum):
    """How it is known which tensor of the other side is the same."""

    NAME = "name"
    PREFIX = "prefix"
    """Both names are the same behind a prefix that was changed in all of its tensors alike."""
    LIKENESS = "likeness"
    """Of the same shape, in the same block, with a name that is alike."""
    PLACE = "place"
    """Of the same shape and dtype in the same block; the names do not tell."""


@dataclass(frozen=True, slots=True)
class Change:
    """A tensor before and after; one of the two is None where it was added or removed."""

    before: TensorInfo | None
    after: TensorInfo | None
    kinds: tuple[Kind, ...]
    """In what it differs; nothing where it does not."""
    match: Match = Match.NAME

    @property
    def name(self) -> str:
        """Its name after the change; the one it had where it is gone."""
        tensor = self.after if self.after is not None else self.before
        return "" if tensor is None else tensor.name

    @property
    def growth(self) -> int:
        """Bytes that came with it, below zero where they went."""
        return (0 if self.after is None else self.after.nbytes) - (0 if self.before is None else self.before.nbytes)


def added(tensor: TensorInfo) -> Change:
    """`tensor` came."""
    return Change(None, tensor, ADDED)


def removed(tensor: TensorInfo) -> Change:
    """`tensor` went."""
    return Change(tensor, None, REMOVED)


def renamed(before: TensorInfo, after: TensorInfo, match: Match) -> Change:
    """`before` is `after` now, as `match` tells."""
    return Change(before, after, (Kind.RENAMED, *differences(before, after)), match)


def differences(before: TensorInfo, after: TensorInfo) -> tuple[Kind, ...]:
    """In what two tensors that are the same one differ, their names apart."""
    retyped = not is_same_dtype(before, after)
    # Of some packings only the number of values is known, and the shape is flat.
    flat = retyped and (len(before.shape) == 1 or len(after.shape) == 1) and before.elements == after.elements
    resized = before.shape != after.shape and not flat
    if resized or retyped:
        return ((Kind.RESIZED,) if resized else ()) + ((Kind.RETYPED,) if retyped else ())
    return (Kind.REPACKED,) if before.nbytes != after.nbytes else ()
