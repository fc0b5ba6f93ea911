"""Chooses, of configs for which the table was wrong or said nothing, those that the next table is made of too."""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from architectures.classes import families
from architectures.counterexamples import FILE
from verification.judge import EXACT, TOTAL
from verification.verdicts import records, seen_in

MOST = 8  # configs of one model type
LIKE = 2  # of one class, for one tensor
NOT_FIELDS = frozenset({"model_type", "architectures", "transformers_version", "dtype", "torch_dtype"})


def write_counterexamples(folder: Path, asked: Sequence[str]) -> None:
    """Add to the file what a folder of observations shows of the table as it was generated."""
    kept: dict[str, list[dict[str, Any]]] = json.loads(FILE.read_text()) if FILE.exists() else {}
    kinds = {family.model_type: family.config for family in families()}
    for model_type, record in records(folder, asked):
        known = kept.get(model_type, [])
        for values in _chosen(model_type, record):
            short = _short(kinds[model_type], values)
            if short is not None and short not in known and len(known) < MOST:
                known = [*known, short]
        if known:
            kept[model_type] = known
    lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(kept[name], separators=(',', ':'))}" for name in sorted(kept))
    FILE.write_text(f"{{\n{lines}\n}}\n", encoding="ascii")


def _chosen(model_type: str, record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Configs of classes that are right for others: where all are unknown, more of them would not help."""
    for several in seen_in(model_type, record).values():
        if not any(one.verdict.word == EXACT for one in several):
            continue
        times: dict[str, int] = {}
        for one in several:
            if one.verdict.word in (EXACT, TOTAL):
                continue
            about = next((word for word in one.verdict.reason.split() if "." in word or "_" in word), "")
            times[about] = times.get(about, 0) + 1
            if times[about] <= LIKE:
                yield one.config


def _short(kind: type, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The config without what is so by default, if that makes the same; None where the config class takes it no more."""
    given = {name: _plain(value) for name, value in values.items() if name not in NOT_FIELDS}
    try:
        config = kind(**deepcopy(given))
    except Exception:  # noqa: BLE001 -- whatever a config class raises
        return None
    short = {name: value for name, value in json.loads(config.to_json_string()).items() if name not in NOT_FIELDS}
    short = {name: _plain(value) for name, value in short.items()}
    try:
        return short if kind(**deepcopy(short)).to_dict() == config.to_dict() else given
    except Exception:  # noqa: BLE001 -- a field that it writes and does not take
        return given


def _plain(value: Any) -> Any:
    """A value as a config class takes it: transformers writes an infinite number as an object."""
    if isinstance(value, dict):
        return float(value["__float__"]) if value.keys() == {"__float__"} else {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
