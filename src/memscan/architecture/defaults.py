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
BY_INDEX = frozenset({"lfm2", "lfm2_moe"})
MOST_LAYERS = 10_000


def defaults(model_type: str | None) -> Mapping[str, Any]:
    """What is known of a model type; empty where nothing is."""
    return NOTHING if model_type is None else _types().get(model_type, NOTHING)


def modern(model_type: str | None, values: Mapping[str, object]) -> Mapping[str, object]:
    """The fields of a config under the names that its class has for them now: BLOOM's `n_embed` is its `hidden_size`."""
    older: Mapping[str, str] = defaults(model_type).get("older", NOTHING)
    renamed = {name: values[old] for old, name in older.items() if values.get(old) is not None}
    if model_type in BY_INDEX and values.get("layer_types") is None:
        renamed.update(_layer_types(values))
    return {**values, **renamed} if renamed else values


def _layer_types(values: Mapping[str, object]) -> Mapping[str, object]:
    """LFM2's layers as its first configs have them: the numbers of those that attend (`full_attn_idxs`)."""
    layers, attending = values.get("num_hidden_layers"), values.get("full_attn_idxs")
    if type(layers) is not int or not 0 < layers <= MOST_LAYERS or not isinstance(attending, list):
        return NOTHING
    return {"layer_types": ["full_attention" if index in attending else "conv" for index in range(layers)]}


@cache
def _types() -> Mapping[str, Mapping[str, Any]]:
    raw = pkgutil.get_data(PACKAGE, "defaults.json")
    types: Mapping[str, Mapping[str, Any]] = json.loads(raw or b"{}")["types"]
    return types
