"""What a finding is known by from run to run: nothing that was measured, so that a tracker sees one problem as one."""

import json
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256

from memscan.budget import Finding, Gate

LENGTH = 32  # hexadecimal digits of a fingerprint: 128 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One finding among all of its gate."""

    fingerprint: str
    """Of the rule, the target, the dtype, the case and the number: no size, no commit, no line."""
    number: int
    """From 1, among findings of the same rule, target, dtype and case, in the order that the budgets are written in."""


def identities(gate: Gate) -> tuple[Identity, ...]:
    """One for each finding, in order; no two are equal."""
    seen: Counter[tuple[str, ...]] = Counter()
    return tuple(_identity(finding, seen) for finding in gate.findings)


def _identity(finding: Finding, seen: Counter[tuple[str, ...]]) -> Identity:
    key = (finding.rule, finding.target, finding.dtype or "", finding.case)
    seen[key] += 1
    digest = sha256(json.dumps([*key, seen[key]]).encode("ascii")).hexdigest()
    return Identity(fingerprint=digest[:LENGTH], number=seen[key])
