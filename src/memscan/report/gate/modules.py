"""The modules of a finding as a tree: what its bytes are made of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import cast

from memscan.budget import Finding
from memscan.units import iec_bytes, plural

MODULES = "modules"
"""The key of `Finding.facts`: a sequence of (name, bytes), of modules of which none holds another; of a growth, signed bytes."""
DEPTH = 6  # levels of the tree; what is below them keeps its dots
WIDE = 30  # branches of one level that are shown
LONG = 200  # lines of one finding
DIGITS = 6  # of a layer's number
GROWTH = ("growth",)
"""The rules whose bytes are differences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A module, or several of the same make."""

    name: str
    """One part of a dotted name, or several where each holds only the next."""
    last: str = ""
    """Of several numbered ones, the last number."""
    count: int = 1
    nbytes: int
    """Of each."""
    branches: "tuple[Branch, ...]" = ()

    @property
    def total(self) -> int:
        """Bytes of all."""
        return self.count * self.nbytes


def modules_of(finding: Finding) -> tuple[tuple[str, int], ...]:
    """The modules that a finding names, with their bytes."""
    return tuple(cast("Sequence[tuple[str, int]]", finding.facts.get(MODULES, ())))


def tree(modules: Sequence[tuple[str, int]]) -> tuple[Branch, ...]:
    """The branches of dotted names, each with the sum of what it holds, equal numbered neighbours as one."""
    return _branches([(tuple(name.split(".", DEPTH - 1)), nbytes) for name, nbytes in modules])


def _branches(paths: Sequence[tuple[tuple[str, ...], int]]) -> tuple[Branch, ...]:
    held: dict[str, list[tuple[tuple[str, ...], int]]] = {}
    for path, nbytes in paths:
        held.setdefault(path[0], []).append((path[1:], nbytes))
    return _folded([_branch(name, inside) for name, inside in held.items()])


def _branch(name: str, inside: Sequence[tuple[tuple[str, ...], int]]) -> Branch:
    deeper = [(path, nbytes) for path, nbytes in inside if path]
    branches = _branches(deeper) if deeper else ()
    total = sum(nbytes for _, nbytes in inside)
    if len(branches) == 1 and branches[0].count == 1 and len(deeper) == len(inside):
        return replace(branches[0], name=f"{name}.{branches[0].name}")
    return Branch(name=name, nbytes=total, branches=branches)


def _folded(branches: Sequence[Branch]) -> tuple[Branch, ...]:
    """Numbered neighbours that hold the same become one."""
    folded: list[Branch] = []
    for _, group in groupby(enumerate(branches), key=_make):
        same = [branch for _, branch in group]
        folded.append(replace(same[0], last=same[-1].name, count=len(same)) if len(same) > 1 else same[0])
    return tuple(folded)


def _make(numbered: tuple[int, Branch]) -> object:
    """What neighbours have in common that become one: the difference to the index is the same where no number is left out."""
    index, branch = numbered
    number = branch.name.isdecimal() and len(branch.name) <= DIGITS
    return (int(branch.name) - index, branch.nbytes, branch.branches) if number else branch.name


def lines(finding: Finding) -> list[tuple[int, str, str]]:
    """The tree as lines: how deep, the name, the bytes in words. What is left out is counted in a line of its own."""
    every = list(_lines(tree(modules_of(finding)), 0, signed=finding.rule in GROWTH))
    if len(every) <= LONG:
        return every
    return [*every[:LONG], (0, "", f"and {plural(len(every) - LONG, 'more line')}")]


def _lines(branches: Sequence[Branch], depth: int, *, signed: bool) -> Iterator[tuple[int, str, str]]:
    shown = sorted(range(len(branches)), key=lambda index: -abs(branches[index].total))[:WIDE]
    for index in sorted(shown):
        branch = branches[index]
        each = f"{amount(branch.nbytes, signed=signed)}"
        if branch.count > 1:
            yield depth, f"{branch.name} to {branch.last}", f"{branch.count:,} x {each} = {amount(branch.total, signed=signed)}"
        else:
            yield depth, branch.name or "(root)", each
        yield from _lines(branch.branches, depth + 1, signed=signed)
    left = [branches[index] for index in set(range(len(branches))) - set(shown)]
    if left:
        rest = amount(sum(one.total for one in left), signed=signed)
        yield depth, "", f"and {plural(sum(one.count for one in left), 'other')}, together {rest}"


def amount(nbytes: int, *, signed: bool) -> str:
    """Bytes exact and in IEC units; of a difference with its sign."""
    sign = "+" if signed and nbytes > 0 else ""
    return f"{sign}{nbytes:,} bytes ({sign}{iec_bytes(nbytes)})" if abs(nbytes) >= 1000 else f"{sign}{iec_bytes(nbytes)}"
