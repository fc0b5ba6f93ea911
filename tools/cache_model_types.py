"""Make `src/memscan/cache/model_types.json`: which model types of transformers have a class that takes a cache.

A model type keeps something between tokens where a model class of its config has `past_key_values`, `cache_params` or `state`
among the arguments of `forward`. It does so only as a decoder where its code asks for `is_decoder` and that is false by default.

    .venv/bin/python tools/cache_model_types.py
"""

import dataclasses
import importlib
import inspect
import json
import logging
import pkgutil
import re
import warnings
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).parents[1] / "src/memscan/cache/model_types.json"
ASKS = re.compile(r"if self\.config\.is_decoder|(assert|if not) config\.is_decoder")
PASSED_ON = {"esmc", "ultrabert", "openai_privacy_filter"}  # encoders whose `forward` names the argument and has no use for it
CACHES = {"past_key_values", "cache_params", "state", "past_buckets_states"}


def main() -> None:
    """Write the file."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

    takers = _takers(transformers) | _by_name(transformers, CONFIG_MAPPING)
    kinds: dict[str, list[str]] = {"keeps": [], "keeps as a decoder": [], "keeps nothing": []}
    for model_type in CONFIG_MAPPING_NAMES:
        config = CONFIG_MAPPING[model_type]
        kinds[_kind(config, takers)].append(model_type)
    document = {"transformers": transformers.__version__, **{kind: sorted(types) for kind, types in kinds.items()}}
    OUTPUT.write_text(json.dumps(document, separators=(",", ":")).replace('],"', '],\n"') + "\n")
    print({kind: len(types) for kind, types in kinds.items()})


def _takers(transformers: Any) -> dict[type, bool]:
    """Of each config class, whether a model class of it takes a cache."""
    found: dict[type, bool] = {}
    for package in pkgutil.iter_modules(transformers.models.__path__):
        try:
            module = importlib.import_module(f"transformers.models.{package.name}.modeling_{package.name}")
        except ImportError:
            continue
        for kind in vars(module).values():
            config = getattr(kind, "config_class", None)
            if inspect.isclass(kind) and config is not None and kind.__module__ == module.__name__:
                if package.name in PASSED_ON:
                    continue
                found[config] = found.get(config, False) or bool(CACHES & set(inspect.signature(kind.forward).parameters))
    return found


def _by_name(transformers: Any, configs: Any) -> dict[type, bool]:
    """Config classes whose model is another type's (InternLM 3 is loaded by Llama's classes)."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    found = {}
    for model_type, name in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.items():
        kind = getattr(transformers, name, None)
        if kind is not None and CACHES & set(inspect.signature(kind.forward).parameters):
            found[configs[model_type]] = True
    return found


def _kind(config: type, takers: dict[type, bool]) -> str:
    if not takers.get(config, False):
        return "keeps nothing"
    declared = {field.name: field.default for field in dataclasses.fields(config)}
    is_asked = declared.get("is_decoder") is False and not declared.get("is_encoder_decoder")
    return "keeps as a decoder" if is_asked and ASKS.search(_code(config)) else "keeps"


def _code(config: type) -> str:
    module = config.__module__.replace("configuration_", "modeling_")
    return inspect.getsource(importlib.import_module(module))


if __name__ == "__main__":
    main()
