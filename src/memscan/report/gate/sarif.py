"""SARIF 2.1.0, for code scanning: a result for each limit that is not kept.

Specification: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html ; what GitHub reads of it:
https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support . What is within its limit is no
result: viewers that do not know `kind` would show it as a problem.
"""

import json
import re

from memscan.budget import Finding, Gate, Outcome
from memscan.printable import safe
from memscan.report.gate.identity import Identity, identities
from memscan.report.gate.orders import broken_json
from memscan.report.gate.rules import rule
from memscan.report.gate.words import Gravity, gravity, margin, sentence
from memscan.report.words import short
from memscan.version import __version__

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Gravity.ERROR: "error", Gravity.WARNING: "warning"}
# Unreserved characters of RFC 3986 and the slash.
URI = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
MARKED = re.compile(r"[{}]")


def render(gate: Gate) -> str:
    """The log file, with one run."""
    pairs = [pair for pair in zip(gate.findings, identities(gate), strict=True) if gravity(pair[0]) in LEVELS]
    ids = list(dict.fromkeys(finding.rule for finding in gate.findings))
    driver = {"name": "memscan", "version": __version__, "semanticVersion": __version__, "rules": [_rule(one) for one in ids]}
    run = {
        "tool": {"driver": driver},
        "invocations": [_invocation(gate)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, identity, ids.index(finding.rule)) for finding, identity in pairs],
    }
    return broken_json(json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2))


def _rule(identifier: str) -> dict[str, object]:
    found = rule(identifier)
    return {
        "id": identifier,
        "name": found.name,
        "shortDescription": {"text": found.short},
        "fullDescription": {"text": found.full},
        "help": {"text": found.help, "markdown": found.help},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["memory"]},
    }


def _invocation(gate: Gate) -> dict[str, object]:
    """Whether every target was read; those that were not, as notifications of the tool."""
    unread = [finding for finding in gate.findings if finding.outcome is Outcome.NOT_READ]
    return {"executionSuccessful": not unread, "toolExecutionNotifications": [_notification(finding) for finding in unread]}


def _notification(finding: Finding) -> dict[str, object]:
    notification: dict[str, object] = {
        "level": "error",
        "message": {"text": _message(finding)},
        "locations": [_location(finding)],
    }
    if finding.error is not None:
        notification["exception"] = {"kind": type(finding.error).__name__, "message": safe(str(finding.error))}
    return notification


def _result(finding: Finding, identity: Identity, index: int) -> dict[str, object]:
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": LEVELS[gravity(finding)],
        "message": {"text": _message(finding)},
        "locations": [_location(finding)],
        # The first is the one that GitHub compares; without it two targets of one line of the budget file would be one alert.
        "partialFingerprints": {
            "primaryLocationLineHash": f"{identity.fingerprint}:1",
            "memscanFinding/v1": identity.fingerprint,
        },
        "properties": _properties(finding),
    }


def _properties(finding: Finding) -> dict[str, object]:
    figure, limit = finding.figure, finding.limit
    return {
        "outcome": finding.outcome.value,
        "target": finding.target,
        "commit": finding.commit,
        "dtype": finding.dtype,
        "bytes": None if figure is None else figure.nbytes,
        "basis": None if figure is None else figure.basis.value,
        "bound": None if figure is None else figure.bound.value,
        "limitBytes": None if limit is None else limit.nbytes,
        "marginBytes": margin(finding),
    }


def _location(finding: Finding) -> dict[str, object]:
    """The line of the budget where there is one, and the target, which is no file of the repository that is checked."""
    location: dict[str, object] = {"logicalLocations": [{"fullyQualifiedName": short(finding.target), "kind": "resource"}]}
    if finding.place is not None:
        artifact = {"uri": _uri(finding.place.path), "uriBaseId": "%SRCROOT%"}
        location["physicalLocation"] = {"artifactLocation": artifact, "region": {"startLine": max(1, finding.place.line)}}
    return location


def _message(finding: Finding) -> str:
    """The sentence, in which nothing is a placeholder (section 3.11.5) or a link (3.11.6)."""
    return MARKED.sub(lambda match: match[0] * 2, sentence(finding)).replace("](", "\\](")


def _uri(path: str) -> str:
    """A relative reference: a colon in its first part would make that a scheme, so it is escaped with all the rest."""
    raw = path.replace("\\", "/").encode("utf-8", "surrogatepass")
    return "".join(chr(byte) if byte in URI else f"%{byte:02X}" for byte in raw)
