"""What llama.cpp's quantizer asks of a model as a whole."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from memscan.dtype import GGML, DType
from memscan.quantizers.base import Dense, Weight
from memscan.quantizers.ggml_families import FAMILIES, PLAIN, Family
from memscan.quantizers.ggml_roles import Role

F32, F16, BF16 = GGML[0], GGML[1], GGML[30]
HALVES: Mapping[str, DType] = {"BF16": BF16, "bfloat16": BF16, "F16": F16, "float16": F16}
TEXT = ("text_config", "llm_config", "language_config")
LAYERS = ("n_layers", "num_hidden_layers", "n_layer", "num_layers")
HEADS = ("num_attention_heads", "n_head", "n_heads")
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")
KEYS = ("num_key_value_heads", "n_kv_heads")
NUMBER = re.compile(r"(?:^|\.)([0-9]{1,5})(?=\.|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model, before it is quantized."""

    family: Family
    layers: int
    """`block_count`."""
    experts: int
    """Routed experts of a layer; 0 without any."""
    group: int
    """Heads that share a key, in the first layer (`n_gqa`)."""
    large: bool
    """Whether llama.cpp takes it for one of 70 billion parameters."""
    tied: bool
    """Whether the embedding is the output too."""
    half: DType
    """What the converter writes by default (`--outtype auto`)."""
    words: Mapping[str, object]
    """The config of its language model."""


def read(dense: Dense, roles: Iterable[Role | None]) -> Model:
    """What `dense` says, whose weights have `roles`."""
    known = tuple(roles)
    words = language(dense.config)
    family = FAMILIES.get(dense.model_type or "", PLAIN)
    heads = number(words, HEADS) or 0
    keys = _keys(family, words, heads)
    if family.hybrid and not _attends_first(dense.weights, known):
        keys = 0
    layers = _layers(family, words, dense.weights)
    return Model(
        family=family,
        layers=layers,
        experts=_experts(words, dense.weights, known),
        group=heads // keys if keys else 0,
        large=layers == family.large and (family.architecture != "llama" or heads != keys),
        tied=Role.OUTPUT not in known,
        half=next((HALVES[one.dtype.name] for one in dense.weights if len(one.shape) > 1 and one.dtype.name in HALVES), F16),
        words=words,
    )


def language(config: Mapping[str, object]) -> Mapping[str, object]:
    """`config` with the words of its language model in front, as the converter reads it."""
    for key in TEXT:
        inner = config.get(key)
        if isinstance(inner, Mapping):
            return {**config, **inner}
    return config


def number(words: Mapping[str, object], keys: Iterable[str]) -> int | None:
    """The first of `keys` that holds a whole number."""
    for key in keys:
        value = words.get(key)
        if type(value) is int and value >= 0:
            return value
    return None


def block(name: str) -> int:
    """The layer of a tensor, which is the first number in its name; -1 outside of the layers."""
    found = NUMBER.search(name)
    return int(found[1]) if found else -1


def _keys(family: Family, words: Mapping[str, object], heads: int) -> int:
    if family.single_key:
        return 1
    if family.architecture == "falcon":
        return number(words, ("num_kv_heads", "n_head_kv")) or 1
    found = number(words, KEYS)
    return heads if found is None else found


def _attends_first(weights: Iterable[Weight], roles: Iterable[Role | None]) -> bool:
    kinds = (Role.VALUE, Role.KEY)
    return any(role in kinds and block(one.name) == 0 for one, role in zip(weights, roles, strict=True))


def _layers(family: Family, words: Mapping[str, object], weights: Iterable[Weight]) -> int:
    layers = number(words, LAYERS)
    if layers is None:
        return max((block(one.name) for one in weights), default=-1) + 1
    return layers + (number(words, ("num_nextn_predict_layers",)) or 0) * family.predictors


def _experts(words: Mapping[str, object], weights: Iterable[Weight], roles: Iterable[Role | None]) -> int:
    """As the config says, even of a model that has none of them: that is what the converter writes."""
    count = number(words, EXPERTS)
    if count is not None:
        return count
    count = 0
    for one, role in zip(weights, roles, strict=True):
        if role is Role.DOWN:
            count = max(count, one.shape[0] if len(one.shape) == 3 else _index(one.name) + 1)
    return count


def _index(name: str) -> int:
    """Which expert a weight belongs to: 3 in `...experts.3.w2.weight`; -1 where it is none of one expert."""
    _, found, rest = name.rpartition(".experts.")
    first = rest.partition(".")[0]
    return int(first) if found and first.isdecimal() and len(first) < 6 else -1
