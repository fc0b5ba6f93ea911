"""What config classes hold where a config.json says nothing: data made by `tools/build_defaults.py`.

Of each model type `fields` with declared defaults, `aliases` (`attribute_map`), `older` names that it still takes, `subs` (the
configs inside it), `tp` (`base_model_tp_plan`).
"""

import json
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

PACKAGE = "memscan.architecture"
NOTHING: Mapping[str, Any] = {}


def defaults(model_type: str | None) -> Mapping[str, Any]:
    """What is known of a model type; empty where nothing is."""
    return NOTHING if model_type is None else _types().get(model_type, NOTHING)


def modern(model_type: str | None, values: Mapping[str, object]) -> Mapping[str, object]:
    """The fields of a config under the names that its class has for them now: BLOOM's `n_embed` is its `hidden_size`."""
    older: Mapping[str, str] = defaults(model_type).get("older", NOTHING)
    renamed = {name: values[old] for old, name in older.items() if values.get(old) is not None}
    return {**values, **renamed} if renamed else values


@cache
def _types() -> Mapping[str, Mapping[str, Any]]:
    raw = pkgutil.get_data(PACKAGE, "defaults.json")
    types: Mapping[str, Mapping[str, Any]] = json.loads(raw or b"{}")["types"]
    return types
