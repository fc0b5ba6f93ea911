"""JSON, schema 1: `gate` in `memscan/report/schema.json`, documented in docs/json.md."""

import json
from collections.abc import Mapping, Sequence

from memscan.budget import Figure, Finding, Gate, Limit, Place
from memscan.errors import MemscanError
from memscan.report.gate.identity import Identity, identities
from memscan.report.gate.modules import MODULES, modules_of
from memscan.report.gate.orders import broken_json
from memscan.report.gate.words import margin, worst
from memscan.report.json import SCHEMA
from memscan.version import __version__


def render(gate: Gate) -> str:
    """The gate as one object."""
    return broken_json(json.dumps(gate_object(gate), indent=2))


def gate_object(gate: Gate) -> dict[str, object]:
    """The gate as the JSON object of schema 1."""
    return {
        "schema": SCHEMA,
        "memscan": __version__,
        "outcome": worst(gate).value,
        "fails": any(finding.fails for finding in gate.findings),
        "findings": [_finding(*pair) for pair in zip(gate.findings, identities(gate), strict=True)],
    }


def _finding(finding: Finding, identity: Identity) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "target": finding.target,
        "commit": finding.commit,
        "dtype": finding.dtype,
        "case": finding.case,
        "outcome": finding.outcome.value,
        "fails": finding.fails,
        "figure": _figure(finding.figure),
        "limit": _limit(finding.limit),
        "margin_bytes": margin(finding),
        "message": finding.message,
        "place": _place(finding.place),
        "error": _error(finding.error),
        "modules": [{"name": name, "bytes": nbytes} for name, nbytes in modules_of(finding)],
        "facts": {key: _plain(value) for key, value in finding.facts.items() if key != MODULES},
        "fingerprint": identity.fingerprint,
    }


def _figure(figure: Figure | None) -> Mapping[str, object] | None:
    if figure is None:
        return None
    return {
        "name": figure.name,
        "bytes": figure.nbytes,
        "low_bytes": figure.low,
        "high_bytes": figure.high,
        "basis": figure.basis.value,
        "bound": figure.bound.value,
        "detail": figure.detail,
    }


def _limit(limit: Limit | None) -> Mapping[str, object] | None:
    return None if limit is None else {"bytes": limit.nbytes, "stated": limit.stated}


def _place(place: Place | None) -> Mapping[str, object] | None:
    return None if place is None else {"path": place.path, "line": place.line}


def _error(error: MemscanError | None) -> Mapping[str, str] | None:
    return None if error is None else {"error": type(error).__name__, "message": str(error)}


def _plain(value: object) -> object:
    """A fact as JSON has it: objects, lists, numbers, strings; anything else as its word."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence):
        return [_plain(one) for one in value]
    return str(value)
