"""A comparison as the JSON object of schema 1; `diff` in schema.json."""

from collections.abc import Iterable, Mapping

from memscan.budget import Finding
from memscan.compare import Change, Diff, Group, Kind, Level, Rule, Side, Sum
from memscan.report.diff_words import ordered
from memscan.report.json import SCHEMA, note_objects
from memscan.version import __version__

LEVELS = {Level.TENSORS: "tensors", Level.MODULES: "modules", Level.TOTALS: "totals"}


def diff_object(diff: Diff, finding: Finding | None, *, every: bool) -> dict[str, object]:
    """The object; with every tensor that differs where `every` says so."""
    before, after = diff.before, diff.after
    return {
        "schema": SCHEMA,
        "memscan": __version__,
        "before": _side(before),
        "after": _side(after),
        "scope": after.scope,
        "level": LEVELS[diff.level],
        "identical": diff.is_empty,
        "growth": {
            "bytes": diff.growth,
            "share": round(diff.growth / before.nbytes, 9) if before.nbytes else None,
            "parameters": _difference(before.parameters, after.parameters),
            "tensors": _difference(before.count, after.count),
        },
        "unchanged": _sum(diff.same),
        "changed": {kind.value: _sum(diff.sums[kind]) for kind in Kind if kind in diff.sums},
        "groups": [_group(group) for group in diff.groups],
        "renames": [_rule(rule) for rule in diff.renames],
        "modules": _modules(diff),
        "tensors": [_tensor(change) for change in ordered(diff)] if every else None,
        "limit": None if finding is None else _limit(finding),
    }


def _side(side: Side) -> Mapping[str, object]:
    origin, layer = side.origin, side.largest_layer
    return {
        "requested": origin.requested,
        "name": origin.name,
        "repo_id": origin.repo_id,
        "revision": origin.revision,
        "commit": origin.commit,
        "saved": side.saved is not None,
        "class": side.class_name,
        "quantization": side.quantization,
        "tensors": side.count,
        "parameters": side.parameters,
        "bytes": side.nbytes,
        "dtypes": {name: {"tensors": held.tensors, "bytes": held.nbytes} for name, held in side.dtypes.items()},
        "largest_layer": None if layer is None else {"name": layer.name, "parameters": layer.parameters, "bytes": layer.nbytes},
        "notes": note_objects(side.notes),
    }


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _sum(found: Sum) -> Mapping[str, int]:
    return {"tensors": found.tensors, "before_bytes": found.before_bytes, "after_bytes": found.after_bytes}


def _group(group: Group) -> Mapping[str, object]:
    return {
        "kinds": _kinds(group.kinds),
        "name": group.pattern,
        "old_name": group.old_pattern,
        "tensors": group.tensors,
        "extents": list(group.extents),
        "dtypes": list(group.dtypes),
        "shapes": [None if shape is None else list(shape) for shape in group.shapes],
        "before_bytes": group.before_bytes,
        "after_bytes": group.after_bytes,
    }


def _kinds(kinds: Iterable[Kind]) -> list[str]:
    return [kind.value for kind in kinds]


def _rule(rule: Rule) -> Mapping[str, object]:
    return {
        "before": rule.before,
        "after": rule.after,
        "match": rule.match.value,
        "tensors": rule.tensors,
        "bytes": rule.nbytes,
    }


def _modules(diff: Diff) -> list[Mapping[str, object]]:
    return [
        {"name": node.name, "level": level, "before_bytes": node.before_bytes, "after_bytes": node.after_bytes}
        for level, node in diff.modules.walk()
    ]


def _tensor(change: Change) -> Mapping[str, object]:
    before, after = change.before, change.after
    return {
        "kinds": _kinds(change.kinds),
        "name": change.name,
        "old_name": before.name if before is not None and Kind.RENAMED in change.kinds else None,
        "match": change.match.value,
        "dtypes": [None if one is None else one.dtype.name for one in (before, after)],
        "shapes": [None if one is None else list(one.shape) for one in (before, after)],
        "before_bytes": 0 if before is None else before.nbytes,
        "after_bytes": 0 if after is None else after.nbytes,
    }


def _limit(finding: Finding) -> Mapping[str, object]:
    limit = finding.limit
    return {
        "outcome": finding.outcome.value,
        "fails": finding.fails,
        "stated": None if limit is None else limit.stated,
        "bytes": None if limit is None else limit.nbytes,
        "message": finding.message,
    }
