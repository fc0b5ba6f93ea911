"""What a class holds for one config: every tensor of its `state_dict`, as torch on the meta device has it."""

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from transformers import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel

from architectures.names import starred
from architectures.observe import build
from architectures.probes import Fields, Tree
from architectures.shapes import NUMBER
from architectures.trace import Record, traced

Seen = dict[str, Any]
WAYS = ("short", "full", "given")


def observed(kind: type[PreTrainedModel], config: PreTrainedConfig) -> tuple[Seen, Record]:
    """The tensors by pattern, each with its numbers and its shape, the elements in all; and what the code asked for."""
    config = deepcopy(config)
    with traced(config, sizes=False) as record:
        model = build(kind, config)
    return tensors_of(model), record


def tensors_of(model: PreTrainedModel) -> Seen:
    """The tensors of a model by pattern, each with its numbers and its shape, and the elements in all."""
    tensors: dict[str, list[Any]] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        tensors.setdefault(starred(name), []).append([list(map(int, NUMBER.findall(name))), list(tensor.shape)])
    return {
        "tensors": {pattern: _short(found) for pattern, found in tensors.items()},
        "parameters": sum(int(one.numel()) for one in model.parameters()),
        "buffers": sum(int(one.numel()) for one in model.buffers()),
    }


def _short(found: list[Any]) -> Mapping[str, Any]:
    """Numbers of all, and their shapes: one, where they have it in common."""
    shapes = [shape for _, shape in found]
    same = all(shape == shapes[0] for shape in shapes)
    return {"at": [numbers for numbers, _ in found], **({"shape": shapes[0]} if same else {"shapes": shapes})}


def written(config: PreTrainedConfig, changed: Fields, tree: Tree, way: str) -> Mapping[str, Any]:
    """The config as `save_pretrained` writes it: in full, or without what is so by default; or as people write it, who give
    the fields that they think of.
    """
    if way == "given":
        values: dict[str, Any] = {"model_type": config.model_type, **deepcopy(dict(tree))}
        for path, value in changed.items():
            *heads, last = path.split(".")
            place = values
            for head in heads:
                inner = place.get(head)
                place[head] = dict(inner) if isinstance(inner, Mapping) else {}
                place = place[head]
            place[last] = value
        return json.loads(json.dumps(values, default=str))  # type: ignore[no-any-return]
    return json.loads(config.to_json_string(use_diff=way == "short"))  # type: ignore[no-any-return]
