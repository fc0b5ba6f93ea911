"""Small random models of transformers' generative model types, and the bytes that their caches hold after some tokens."""

import copy
import dataclasses
import random
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import torch
import transformers
from transformers.initialization import no_init_weights
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES,
)

from tests.cache.small_sizes import OF_TEXT, SENSES, SIMPLER, SIZES, SPECIAL

LARGEST = 12_000_000  # parameters; a model with more is none that a test builds
ENCODED = 7  # tokens of the encoder
SEQUENCES = 2
DTYPES = {"inkling2_text": torch.float32}
"""Model types that run in another dtype than bfloat16 on a processor."""


def classes() -> dict[str, str]:
    """The class by which each generative model type is run; of a type with configs inside it that of its text config."""
    found: dict[str, str] = {}
    for names in (
        MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES,
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    ):
        for model_type, name in names.items():
            found.setdefault(model_type, name if isinstance(name, str) else name[0])
    return {**found, **OF_TEXT}


def small(model_type: str, changes: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """Keyword arguments of a small config, as its config.json may have them."""
    kind = CONFIG_MAPPING[model_type]
    names = {field.name for field in dataclasses.fields(kind)} | set(getattr(kind, "attribute_map", {}))
    given = {name: value for name, value in SIZES.items() if name in names}
    given.update(SPECIAL.get(model_type, {}))
    given.update({name: value for name, value in changes.items() if name in names and name not in SPECIAL.get(model_type, {})})
    for alias, name in getattr(kind, "attribute_map", {}).items():
        if alias in given and name in given and alias not in SPECIAL.get(model_type, {}):
            del given[alias]
    for name, sub in kinds_inside(kind).items():
        if name not in given and sub in CONFIG_MAPPING:
            given[name] = inner(name, sub, changes)
    return {name: value for name, value in given.items() if value is not None}


def kinds_inside(kind: Any) -> dict[str, str]:
    """The model types of the configs inside one, by the name of the field."""
    found = {name: getattr(sub, "model_type", "") for name, sub in getattr(kind, "sub_configs", {}).items()}
    for name, spec in getattr(kind, "sub_configs_defaults", {}).items():
        found[name] = spec.model_type or getattr(spec.config_class, "model_type", "")
    return {name: SIMPLER.get(sub, sub) for name, sub in found.items()}


def inner(name: str, model_type: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a config inside another: of the text model as ever, of what sees and hears as small as can be."""
    if any(word in name for word in ("vision", "audio", "encoder", "vq", "vit", "image", "speech", "acoustic")):
        names = {field.name for field in dataclasses.fields(CONFIG_MAPPING[model_type])}
        return {"model_type": model_type, **{key: value for key, value in SENSES.items() if key in names}}
    return {"model_type": model_type, **small(model_type, changes)}


def built(model_type: str, name: str, given: Mapping[str, Any]) -> tuple[Any, Any]:
    """The config and a random model in bfloat16; ValueError where it is too large."""
    config = CONFIG_MAPPING[model_type](**copy.deepcopy(dict(given)))
    kind = getattr(transformers, name)
    with torch.device("meta"), no_init_weights():
        parameters = sum(one.numel() for one in kind(copy.deepcopy(config)).parameters())
    if parameters > LARGEST:
        raise ValueError(f"{parameters:,} parameters")
    torch.manual_seed(0)
    return config, kind(config).to(DTYPES.get(model_type, torch.bfloat16)).eval()


def cache_after(model: Any, config: Any, tokens: int) -> Any:
    """What the model holds after `tokens` tokens: all but the last at once, then one more."""
    ids = torch.tensor(
        [[random.Random(f"{row} {column}").randrange(4, 90) for column in range(tokens)] for row in range(SEQUENCES)]
    )
    is_pair = bool(getattr(config, "is_encoder_decoder", False)) and not type(model).__name__.endswith("ForCausalLM")
    name = "decoder_input_ids" if is_pair else "input_ids"
    more = {"encoder_outputs": encoded(model, config)} if is_pair else {}
    if config.model_type == "recurrent_gemma":  # its modules hold the states, and it gives no cache back
        more["past_key_values"] = transformers.DynamicCache(config=config)
    with torch.no_grad():
        first = model(**{**more, name: ids[:, :-1]}, use_cache=True)
        key = next((one for one in ("past_key_values", "cache_params", "state") if getattr(first, one, None) is not None), None)
        if config.model_type == "recurrent_gemma":
            model(input_ids=ids[:, -1:], use_cache=True, **more)
            return more, [
                (one.conv1d_state, one.rg_lru.recurrent_states) for one in model.modules() if hasattr(one, "conv1d_state")
            ]
        if key is None:
            return None
        held = model(**{**more, name: ids[:, -1:], key: getattr(first, key)}, use_cache=True)
    return getattr(held, key)


def encoded(model: Any, config: Any) -> Any:
    """What an encoder would have made of `ENCODED` tokens."""
    places = (
        config,
        getattr(config, "encoder", None),
        getattr(config, "vision_config", None),
        config.get_text_config(encoder=True),
    )
    widths = (getattr(place, name, None) for place in places for name in ("d_model", "hidden_size"))
    width = next(one for one in widths if one)
    made = transformers.modeling_outputs.BaseModelOutput(
        last_hidden_state=torch.zeros(SEQUENCES, ENCODED, width, dtype=model.dtype)
    )
    made.attention_mask = made.router_logits = None  # what some decoders ask for
    return made


def nbytes(held: Any, seen: set[int] | None = None) -> int:
    """The bytes of all tensors of a cache; what they hold, not the storage that a view shares."""
    seen = set() if seen is None else seen
    return sum(one.numel() * one.element_size() for one in tensors(held, seen))


def tensors(held: Any, seen: set[int]) -> Iterator[torch.Tensor]:
    """All tensors of a cache; of counters that are tensors, none."""
    if id(held) in seen:
        return
    if isinstance(held, torch.Tensor):
        seen.add(id(held))
        if held.dim() and held.shape != (1,):
            yield held
    elif isinstance(held, list | tuple | dict):
        for one in held.values() if isinstance(held, dict) else held:
            yield from tensors(one, seen)
    elif hasattr(held, "__dict__") and not isinstance(held, torch.nn.Module | type | transformers.PreTrainedConfig):
        seen.add(id(held))
        for one in vars(held).values():
            yield from tensors(one, seen)
