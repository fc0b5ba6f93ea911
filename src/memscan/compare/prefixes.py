"""Renames by prefix: `bert.encoder...` is `encoder...`, `model.layers...` is `model.language_model.layers...`.

A prefix that was changed is a rule for all tensors behind it, so it is found by votes of whole families and then holds for those
that were resized or stored in another dtype as well.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from memscan.compare.change import Change, Match, renamed
from memscan.compare.pattern import Family, Numbers

LONGEST = 3  # parts of a prefix
MOST = 4  # prefixes in front of one rest that are tried; a stranger's checkpoint can have any number
SHORTEST_REST = 2  # parts that have to be the same, but where one of the names is the rest itself

Prefix = tuple[str, ...]


@dataclass(slots=True)
class Rule:
    """One prefix that may have become another."""

    pairs: list[tuple[Family, Family]] = field(default_factory=list)
    alike: int = 0
    """Tensors that have the same shape on both sides."""
    differing: int = 0


def by_prefix(removed: Mapping[str, Family], added: Mapping[str, Family]) -> Iterator[Change]:
    """The pairs that a rule explains; they are taken out of their families."""
    for rule in sorted(_rules(removed, added), key=lambda rule: -rule.alike):
        for old, new in rule.pairs:
            for numbers in _shared(old, new):
                yield renamed(old.members.pop(numbers), new.members.pop(numbers), Match.PREFIX)


def _rules(removed: Mapping[str, Family], added: Mapping[str, Family]) -> list[Rule]:
    """The rules that more tensors speak for, by their shapes, than against."""
    behind = _by_rest(added.values())
    rules: dict[tuple[Prefix, Prefix], Rule] = {}
    for old in removed.values():
        for before, rest in _splits(old):
            for after, new in behind.get(rest, ()):
                if _is_rule(before, after, rest):
                    _vote(rules.setdefault((before, after), Rule()), old, new)
    return [rule for rule in rules.values() if rule.alike and rule.alike >= rule.differing]


def _vote(rule: Rule, old: Family, new: Family) -> None:
    rule.pairs.append((old, new))
    for numbers in _shared(old, new):
        if old.members[numbers].shape == new.members[numbers].shape:
            rule.alike += 1
        else:
            rule.differing += 1


def _shared(old: Family, new: Family) -> list[Numbers]:
    """The numbers that both have, in the order of the old ones."""
    return [numbers for numbers in old.members if numbers in new.members]


def _by_rest(found: Iterable[Family]) -> dict[str, list[tuple[Prefix, Family]]]:
    behind: dict[str, list[tuple[Prefix, Family]]] = {}
    for family in found:
        for prefix, rest in _splits(family):
            known = behind.setdefault(rest, [])
            if len(known) < MOST:
                known.append((prefix, family))
    return behind


def _splits(family: Family) -> Iterator[tuple[Prefix, str]]:
    """Each prefix of the pattern that may be one, none included, with the rest behind it."""
    rest = family.pattern
    for length in range(min(LONGEST + 1, len(family.parts))):
        yield family.parts[:length], rest
        rest = rest.partition(".")[2]


def _is_rule(before: Prefix, after: Prefix, rest: str) -> bool:
    """Whether the prefixes differ in their last part, so that the rest is all that is the same, and the rest says enough."""
    if before and after:
        return before[-1] != after[-1] and rest.count(".") + 1 >= SHORTEST_REST
    return bool(before or after)
