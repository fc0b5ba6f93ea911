"""Stored tensors beside what a class holds for its config: which disagree, and how."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from memscan.architecture import Expected, Layout
from memscan.checkpoint import is_buffer
from memscan.loading.load import Draft
from memscan.loading.names import starred
from memscan.tensor import TensorInfo


class Fault(StrEnum):
    """How a tensor disagrees."""

    SHAPE = "shape"
    MISSING = "missing"
    BEYOND = "beyond"
    """The class has such tensors, and not of this layer, expert, stage: the config declares fewer."""
    UNEXPECTED = "unexpected"
    """The class has nothing of the kind: another head, for one. Loading leaves it, and misses nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One tensor on which a checkpoint and its config disagree."""

    name: str
    """In the class; of one that it has no place for, as it is stored."""
    fault: Fault
    stored: tuple[int, ...] | None
    """The shape in the checkpoint; None for one that is missing."""
    declared: tuple[int, ...] | None
    """The shape by the config; None for one that the class does not have."""


def disagreements(tensors: Sequence[TensorInfo], layout: Layout) -> tuple[Disagreement, ...]:
    """What disagrees between `tensors` and the class of `layout`, which has to be sure.

    Names are compared as loading renames them. What is tied to a tensor that is stored is not missing; buffers that the class
    makes by itself, and names that it ignores on loading, are not unexpected.
    """
    draft = Draft(layout)
    for tensor in tensors:
        draft.take(tensor)
    draft.fuse()
    stored = {tensor.name: tensor for group in draft.taken.values() for tensor in group}
    declared = {name: shape for one in layout.expected.values() if one.kind != "n" for name, shape in one.named or ()}
    there = [*_shapes(stored, declared), *_missing(stored, declared, layout)]
    return (*there, *_unexpected(draft, stored, declared, layout))


def undecided(layout: Layout) -> str | None:
    """Why the tensors of `layout` cannot be held to it: something of it is not sure, or not known; None where all is."""
    for reason in (*layout.opaque.values(), *layout.unsure):
        return reason
    return next((f"{pattern} is not known for this config" for pattern in map(_open, layout.expected.values()) if pattern), None)


def _open(one: Expected) -> str | None:
    is_known = one.kind == "n" or one.count == 0 or (one.named is not None and not one.optional)
    return None if is_known else one.pattern


def _shapes(stored: dict[str, TensorInfo], declared: dict[str, tuple[int, ...]]) -> Iterator[Disagreement]:
    for name, tensor in stored.items():
        shape = declared.get(name)
        if shape is not None and shape != tensor.shape:
            yield Disagreement(name=name, fault=Fault.SHAPE, stored=tensor.shape, declared=shape)


def _missing(stored: dict[str, TensorInfo], declared: dict[str, tuple[int, ...]], layout: Layout) -> Iterator[Disagreement]:
    patterns = set(map(starred, stored))
    lent = {pattern for pair in (*layout.tied, *layout.shared) if not patterns.isdisjoint(pair) for pattern in pair}
    for name, shape in declared.items():
        pattern = starred(name)
        is_partly_shared = (one := layout.expected[pattern]).unique is not None and one.unique != one.count
        if name not in stored and pattern not in lent and not (is_partly_shared and pattern in patterns):
            yield Disagreement(name=name, fault=Fault.MISSING, stored=None, declared=shape)


def _unexpected(
    draft: Draft, stored: dict[str, TensorInfo], declared: dict[str, tuple[int, ...]], layout: Layout
) -> Iterator[Disagreement]:
    unsaved = {name for name, one in layout.expected.items() if one.kind == "n"}
    ignored = re.compile("|".join(f"(?:{one})" for one in sorted(layout.ignored))) if layout.ignored else None
    beside = [tensor for name, tensor in stored.items() if name not in declared]
    for tensor in (*draft.ignored, *beside):
        is_made = is_buffer(tensor) or starred(tensor.name) in unsaved
        if not is_made and not (ignored is not None and ignored.search(tensor.name)):
            like = layout.expected.get(starred(draft.called(tensor)))
            fault = Fault.UNEXPECTED if like is None or like.count == 0 else Fault.BEYOND
            yield Disagreement(name=tensor.name, fault=fault, stored=tensor.shape, declared=None)
