"""The shapes of all tensors of one pattern, as expressions: one for all, or one for each of several groups."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from architectures.atoms import Expression
from architectures.fit import Fitter
from architectures.observe import Observation, Tensors

Shape = list[Expression | None]
Member = tuple[tuple[int, ...], tuple[Expression | None, ...]]
"""A tensor's shape, and what its axes were computed from."""
Keys = Callable[[Tensors], list[str]]
MOST = 12  # groups; more are no rule
NUMBER = re.compile(r"(?:^|(?<=\.)|(?<=expert_))\d+(?=\.|$)")


def shape(there: Mapping[int, Tensors], fitter: Fitter) -> Shape | None:
    """That of all tensors of a pattern, by probe; None where they differ within one."""
    return _of({i: list(zip(one.shapes, one.axes, strict=True)) for i, one in there.items()}, fitter)


def groups(there: Mapping[int, Tensors], observed: Mapping[int, Observation], fitter: Fitter) -> dict[str, Any] | None:
    """Several shapes, where each is known: by one of the numbers in the names, by how they are computed, or by which comes first.

    The answer has the place of the number (`star`, or null), and of each group the number, the count and the shape.
    """
    stars = min(len(NUMBER.findall(name)) for one in there.values() for name in one.names)
    ways: list[tuple[int | None, Keys]] = [(star, lambda one, star=star: _numbers(one, star)) for star in reversed(range(stars))]
    for star, keys in (*ways, (None, lambda one: [str(axes) for axes in one.axes]), (None, _places)):
        members: dict[str, dict[int, list[Member]]] = {}
        for i, one in there.items():
            for key, sizes, axes in zip(keys(one), one.shapes, one.axes, strict=True):
                members.setdefault(key, {}).setdefault(i, []).append((sizes, axes))
        found = _grouped(members, observed, fitter, star) if 1 < len(members) <= MOST else None
        if found is not None:
            return {"star": star, "groups": found}
    return None


def _numbers(one: Tensors, star: int) -> list[str]:
    return [NUMBER.findall(name)[star] for name in one.names]


def _places(one: Tensors) -> list[str]:
    """For each tensor the place of its shape among those that differ."""
    order = list(dict.fromkeys(one.shapes))
    return [str(order.index(shape)) for shape in one.shapes]


def _grouped(
    members: Mapping[str, Mapping[int, Sequence[Member]]], observed: Mapping[int, Observation], fitter: Fitter, star: int | None
) -> list[list[Any]] | None:
    found: list[list[Any]] = []
    for key, by_probe in sorted(members.items(), key=lambda item: (len(item[0]), item[0])):
        count = fitter.fit({i: len(by_probe.get(i, ())) for i in observed})
        sizes = _of(by_probe, fitter)
        if count is None or sizes is None or None in sizes:
            return None
        found.append([None if star is None else key, count, sizes])
    return found


def _of(members: Mapping[int, Sequence[Member]], fitter: Fitter) -> Shape | None:
    first = {i: several[0][0] for i, several in members.items()}
    if len({len(one) for one in first.values()}) != 1 or any(
        one[0] != first[i] for i, several in members.items() for one in several
    ):
        return None
    followed = [axes for several in members.values() for _, axes in several]
    return [_axis(axis, first, followed, fitter) for axis in range(len(next(iter(first.values()))))]


def _axis(
    axis: int, shapes: Mapping[int, tuple[int, ...]], followed: Sequence[Sequence[Expression | None]], fitter: Fitter
) -> Expression | None:
    """What one size is: followed through the code, or else fitted."""
    sizes = {i: one[axis] for i, one in shapes.items()}
    rules = {str(rule): rule for axes in followed if not isinstance(rule := axes[axis], int | None)}
    found = fitter.followed(sizes, rules.values())
    return fitter.size(sizes) if found is None else found
