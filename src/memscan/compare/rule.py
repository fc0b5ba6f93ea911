"""Renames as rules: `bert.** -> **` once, and not two hundred names.

`*` stands for a number, `**` for the rest of a name.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from memscan.compare.change import Change, Match
from memscan.compare.pattern import Patterns

REST = "**"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One way in which names were changed."""

    before: str
    """`bert.**`: what the names were like."""
    after: str
    """`**`: what they are like."""
    match: Match
    """How it is known."""
    tensors: int
    nbytes: int
    """Of the tensors after the change."""


def rules(changes: Iterable[Change], names: Patterns) -> tuple[Rule, ...]:
    """The rules that the renames among `changes` follow, that of the most tensors first."""
    known: dict[tuple[str, str], tuple[str, str]] = {}
    sums: dict[tuple[str, str, Match], list[int]] = {}
    for change in changes:
        before, after = change.before, change.after
        if before is None or after is None or before.name == after.name:
            continue
        patterns = names[before.name][0], names[after.name][0]
        rule = known.get(patterns)
        if rule is None:
            rule = known[patterns] = _rule(*patterns)
        counted = sums.setdefault((*rule, change.match), [0, 0])
        counted[0] += 1
        counted[1] += after.nbytes
    found = [
        Rule(before=before, after=after, match=match, tensors=count, nbytes=nbytes)
        for (before, after, match), (count, nbytes) in sums.items()
    ]
    return tuple(sorted(found, key=lambda rule: (-rule.tensors, -rule.nbytes, rule.before, rule.after)))


def _rule(before: str, after: str) -> tuple[str, str]:
    """The two patterns without the parts at their ends that are the same."""
    old, new = before.split("."), after.split(".")
    end = 0
    while end < min(len(old), len(new)) and old[-1 - end] == new[-1 - end]:
        end += 1
    if not end:
        return before, after
    return ".".join([*old[: len(old) - end], REST]), ".".join([*new[: len(new) - end], REST])
