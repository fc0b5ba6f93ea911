"""The layout that the table gives beside what torch holds: exact, unknown with the reason, or wrong with the first difference."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from memscan.architecture import Expected, Layout, layout
from memscan.loading import load

EXACT, TOTAL, UNKNOWN, WRONG = "exact", "total", "unknown", "wrong"
"""`total`: all shapes and numbers are right, and not of all tensors it is known in which layers they stand."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one class and one config."""

    word: str
    reason: str = ""


def judge(class_name: str, values: Mapping[str, Any], seen: Mapping[str, Any]) -> Verdict:
    """What the table says of `class_name` for the config `values`, beside what was `seen`."""
    found = layout(class_name, values["model_type"], values)
    if found is None or found.opaque:
        return Verdict(UNKNOWN, "no entry" if found is None else next(iter(found.opaque.values())))
    wrong = next(_wrong(found, seen["tensors"]), None)
    if wrong is not None:
        return Verdict(WRONG, wrong)
    held = load((), found)
    unknown = next(_unknown(found), None if held.parameters_known else held.unknown)
    if unknown is not None:
        return Verdict(UNKNOWN, unknown)
    parameters = sum(one.elements for one in held.tensors if not one.buffer)
    if parameters != seen["parameters"]:
        return Verdict(WRONG, f"{parameters:,} parameters, and torch has {seen['parameters']:,}")
    nowhere = next((p for p, one in found.expected.items() if one.kind != "n" and one.count and one.named is None), None)
    return Verdict(EXACT) if nowhere is None else Verdict(TOTAL, f"which layers have {nowhere}")


def _unknown(found: Layout) -> Iterator[str]:
    for pattern, one in found.expected.items():
        if one.kind == "n" or one.count == 0:
            continue
        if one.optional:
            yield f"whether there is {pattern}"
        elif one.count is None:
            yield f"the number of {pattern}"
        elif one.shape is None and not one.groups and one.elements is None:
            yield f"the shape of {pattern}"


def _wrong(found: Layout, seen: Mapping[str, Any]) -> Iterator[str]:
    for pattern, tensors in seen.items():
        one = found.expected.get(pattern)
        if one is None or one.kind == "n":
            yield f"{pattern} is not in the table"
        elif not one.optional:
            yield from _differences(one, tensors)
    for pattern, one in found.expected.items():
        if one.kind != "n" and one.count and not one.optional and pattern not in seen:
            yield f"{one.count} {pattern}, and torch has none"


def _differences(one: Expected, tensors: Mapping[str, Any]) -> Iterator[str]:
    yield from _displaced(one, tensors)
    count = len(tensors["at"])
    shapes = Counter(map(tuple, tensors["shapes"])) if "shapes" in tensors else Counter({tuple(tensors["shape"]): count})
    mine = _shapes(one)
    if mine is not None and mine != shapes:
        yield f"{one.pattern} {dict(mine - shapes)}, and torch has {dict(shapes - mine)}"
    elif mine is None and one.elements is not None:
        total = sum(times * prod(shape) for shape, times in shapes.items())
        if total != one.elements:
            yield f"{one.pattern} of {one.elements:,} elements, and torch has {total:,}"


def _displaced(one: Expected, tensors: Mapping[str, Any]) -> Iterator[str]:
    """Names that differ, and shapes that stand at other names."""
    there = [tuple(place) for place in tensors["at"]]
    if one.count is not None and one.count != len(there):
        yield f"{one.count} {one.pattern}, and torch has {len(there)}"
    elif one.places is not None and set(one.places) != set(there):
        yield f"{one.pattern} stands at {sorted(set(one.places) - set(there))[:3]}, and in torch at {sorted(set(there))[:3]}"
    elif one.places is not None and one.shapes and "shapes" in tensors:
        seen = dict(zip(there, map(tuple, tensors["shapes"]), strict=True))
        for place, shape in zip(one.places, one.shapes, strict=True):
            if seen[place] != shape:
                yield f"{one.pattern} {shape} at {place}, and torch has {seen[place]}"


def _shapes(one: Expected) -> Counter[tuple[int, ...]] | None:
    """How many have which shape; None where it is not known."""
    if one.shapes:
        return Counter(one.shapes)
    if one.groups:
        found: Counter[tuple[int, ...]] = Counter()
        for group in one.groups:
            found[group.shape] += group.count
        return found
    return None if one.shape is None or one.count is None else Counter({one.shape: one.count})
