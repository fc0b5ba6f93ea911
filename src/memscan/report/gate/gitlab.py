"""GitLab's code quality report: an array with an issue for each limit that is not kept.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

import json

from memscan.budget import Finding, Gate, Outcome
from memscan.report.gate.identity import Identity, identities
from memscan.report.gate.orders import broken_json
from memscan.report.gate.words import Gravity, gravity, sentence
from memscan.report.words import short


def render(gate: Gate) -> str:
    """The array; empty where all limits are kept."""
    pairs = zip(gate.findings, identities(gate), strict=True)
    found = [_issue(*pair) for pair in pairs if gravity(pair[0]) in (Gravity.ERROR, Gravity.WARNING)]
    return broken_json(json.dumps(found, indent=2))


def _issue(finding: Finding, identity: Identity) -> dict[str, object]:
    line = 1 if finding.place is None else max(1, finding.place.line)
    return {
        "description": sentence(finding),
        "check_name": f"memscan/{short(finding.rule)}",
        "fingerprint": identity.fingerprint,
        "severity": _severity(finding),
        "location": {"path": _path(finding), "lines": {"begin": line}},
    }


def _severity(finding: Finding) -> str:
    """One of info, minor, major, critical, blocker."""
    if gravity(finding) is Gravity.WARNING:
        return "minor"
    return "critical" if finding.outcome in (Outcome.EXCEEDED, Outcome.DIFFERS) else "major"


def _path(finding: Finding) -> str:
    """The file of budgets; without one the target's word, as a path: GitLab shows no issue that has none."""
    path = short(finding.target if finding.place is None else finding.place.path).replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "memscan"
