"""Renames that loading applies to a checkpoint's names: those of older releases, of the authors' own code, of experts kept apart.

As `WeightTransform.rename_source_key` of transformers does (src/transformers/core_model_loading.py). The regular expressions are
transformers' own, from the architecture table; never a stranger's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

CONVERTER = "converter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """One rule: what it matches, and what it makes of it."""

    kind: str
    """`renaming`, `converter` (which also changes shapes, and of which one at most applies), `group`, or `offset N`."""
    scope: str | None
    """The module below which it applies."""
    outer: str
    """What may stand before the scope: the prefix of the base model."""
    pattern: str
    """The branches, as groups g0, g1 ..."""
    targets: tuple[str, ...]
    """Of several targets the first is the name, and the others are made from the same tensor."""

    @classmethod
    def of(cls, values: Sequence[Any]) -> "Rename":
        """From the table."""
        kind, scope, outer, pattern, targets = values
        return cls(kind=kind, scope=scope, outer=outer or "", pattern=pattern, targets=tuple(targets))

    @property
    def places(self) -> frozenset[str]:
        """The modules below which it applies; the empty name for all."""
        scope = self.scope or ""
        return frozenset({scope, f"{self.outer}.{scope}" if self.outer and scope else scope})

    def below(self, at: str) -> "Rename":
        """The same for a class that stands at `at` of another."""
        return replace(self, scope=f"{at}.{self.scope}" if self.scope else at, outer="")

    def apply(self, name: str) -> tuple[str, ...] | None:
        """The names that `name` becomes; None where the rule does not match."""
        scoped = self._scoped(name)
        if scoped is None:
            return None
        before, rest = scoped
        found = _compiled(self.pattern).search(rest)
        if found is None:
            return None
        group = next(key for key, value in found.groupdict().items() if value is not None)
        targets = (self._target(target, found, group) for target in self._targets(group))
        return tuple(before + rest.replace(found.group(0), target, 1) for target in targets)

    def _scoped(self, name: str) -> tuple[str, str] | None:
        if self.scope is None:
            return "", name
        scope = f"{self.scope}." if self.scope else ""
        outer = f"{self.outer}." if self.outer else ""
        for before in (outer + scope, scope):
            if name.startswith(before):
                return before, name[len(before) :]
        return None

    def _targets(self, group: str) -> Sequence[str]:
        return self.targets[int(group[1:]) :][:1] if self.kind == "group" else self.targets

    def _target(self, target: str, found: re.Match[str], group: str) -> str:
        inner = _compiled(self.pattern).groupindex[group]
        if self.kind.startswith("offset"):
            return target.replace(r"\1", str(int(found.group(inner + 1)) + int(self.kind.split()[1])))
        text = re.sub(r"\\(\d)", lambda match: found.group(inner + int(match.group(1))) or "", target)
        return text.replace("\\", "")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
