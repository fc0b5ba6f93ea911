"""The pattern of a name: `model.layers.*.mlp.up_proj.weight` with the numbers that stood in it.

Tensors of one pattern are a family: the same weight of every block. What is compared, matched and shown is families, of which
a checkpoint of 100,000 tensors has some dozens.
"""

import re
from collections.abc import Iterable

from memscan.tensor import TensorInfo

NUMBER = re.compile(r"(?<![^.])[0-9]+(?![^.])")
WILD = "*"

Numbers = tuple[str, ...]
"""The numbers of a name, as they are spelt: `("3", "17")` of `model.layers.3.mlp.experts.17.up_proj.weight`."""


def pattern_of(name: str) -> tuple[str, Numbers]:
    """The pattern of `name` and its numbers; two names never share both."""
    # A stranger's name may hold the wild card itself: it stands for itself then, numbers and all.
    if WILD in name:
        return name, ()
    numbers = NUMBER.findall(name)
    return (NUMBER.sub(WILD, name), tuple(numbers)) if numbers else (name, ())


class Patterns(dict[str, tuple[str, Numbers]]):
    """The pattern and the numbers of names, each found once: one comparison asks several times for each name."""

    def __missing__(self, name: str) -> tuple[str, Numbers]:
        """Find it."""
        found = self[name] = pattern_of(name)
        return found


class Family:
    """The tensors of one pattern, by their numbers."""

    __slots__ = ("members", "parts", "pattern")

    def __init__(self, pattern: str) -> None:
        """An empty family."""
        self.pattern = pattern
        self.parts = tuple(pattern.split("."))
        self.members: dict[Numbers, TensorInfo] = {}

    def first(self) -> tuple[Numbers, TensorInfo]:
        """The member whose numbers come first as words: the same one on both sides, where both have it."""
        numbers = min(self.members)
        return numbers, self.members[numbers]


def families(tensors: Iterable[TensorInfo], patterns: Patterns) -> dict[str, Family]:
    """The families of `tensors`, whose names differ."""
    found: dict[str, Family] = {}
    for tensor in tensors:
        pattern, numbers = patterns[tensor.name]
        family = found.get(pattern)
        if family is None:
            family = found[pattern] = Family(pattern)
        family.members[numbers] = tensor
    return found
