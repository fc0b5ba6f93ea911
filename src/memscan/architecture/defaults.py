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
BY_LETTER = frozenset({"nemotron_h"})
BY_INTERVAL = frozenset({"qwen3_next", "qwen3_5_text", "qwen3_5_moe_text"})
LETTERS = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe"}  # configuration_nemotron_h.py of transformers 5.23
MOST_LAYERS = 10_000
LISTS = ("layer_types", "mtp_layer_types", "layers_block_type", "mtp_layers_block_type")
WORDS = {
    "mamba": "linear_attention", "attention": "full_attention", "deepseek_sparse_attention": "indexed_attention",
    "qwen_sparse_attention": "indexed_attention",
}  # fmt: skip
"""Of older configs to those of now: configuration_utils.py of transformers 5.23."""


def defaults(model_type: str | None) -> Mapping[str, Any]:
    """What is known of a model type; empty where nothing is."""
    return NOTHING if model_type is None else _types().get(model_type, NOTHING)


def modern(model_type: str | None, values: Mapping[str, object]) -> Mapping[str, object]:
    """The fields of a config under the names that its class has for them now: BLOOM's `n_embed` is its `hidden_size`."""
    older: Mapping[str, str] = defaults(model_type).get("older", NOTHING)
    renamed = {name: values[old] for old, name in older.items() if values.get(old) is not None}
    if model_type in BY_INDEX and values.get("layer_types") is None:
        renamed.update(_layer_types(values))
    if model_type in BY_LETTER and values.get("layers_block_type") is None:
        renamed.update(_block_types(values))
    if model_type in BY_INTERVAL and values.get("layer_types") is None:
        renamed.update(_every_so_many(model_type, values))
    return {**values, **renamed} if renamed else values


def _every_so_many(model_type: str | None, values: Mapping[str, object]) -> Mapping[str, object]:
    """Qwen3-Next's layers as its configs have them: each so many-th attends to all (`full_attention_interval`)."""
    interval = values.get("full_attention_interval")
    layers = values.get("num_hidden_layers", defaults(model_type).get("fields", NOTHING).get("num_hidden_layers"))
    if type(layers) is not int or not 0 < layers <= MOST_LAYERS or type(interval) is not int or interval < 1:
        return NOTHING
    return {"layer_types": ["linear_attention" if (index + 1) % interval else "full_attention" for index in range(layers)]}


def _block_types(values: Mapping[str, object]) -> Mapping[str, object]:
    """Nemotron-H's layers as its first configs have them, a letter each (`hybrid_override_pattern`)."""
    pattern = values.get("hybrid_override_pattern")
    if not isinstance(pattern, str) or not 0 < len(pattern) <= MOST_LAYERS or not LETTERS.keys() >= set(pattern):
        return NOTHING
    return {"layers_block_type": [LETTERS[letter] for letter in pattern]}


def _layer_types(values: Mapping[str, object]) -> Mapping[str, object]:
    """LFM2's layers as its first configs have them: the numbers of those that attend (`full_attn_idxs`)."""
    layers, attending = values.get("num_hidden_layers"), values.get("full_attn_idxs")
    if type(layers) is not int or not 0 < layers <= MOST_LAYERS or not isinstance(attending, list):
        return NOTHING
    return {"layer_types": ["full_attention" if index in attending else "conv" for index in range(layers)]}


def worded(values: Mapping[str, object]) -> Mapping[str, object]:
    """The fields of a config with the words for kinds of layers that transformers has now (`remap_legacy_layer_types`)."""
    renamed: dict[str, object] = {}
    for name in LISTS:
        words = values.get(name)
        if isinstance(words, list) and any(isinstance(one, str) and one in WORDS for one in words):
            renamed[name] = [WORDS.get(one, one) if isinstance(one, str) else one for one in words]
    return {**values, **renamed} if renamed else values


@cache
def _types() -> Mapping[str, Mapping[str, Any]]:
    raw = pkgutil.get_data(PACKAGE, "defaults.json")
    types: Mapping[str, Mapping[str, Any]] = json.loads(raw or b"{}")["types"]
    return types
