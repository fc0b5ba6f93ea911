"""Every model type of transformers and the classes that a checkpoint of it can declare in ``architectures``."""

import importlib
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import transformers
from torch import nn
from transformers import CONFIG_MAPPING, PreTrainedConfig, PreTrainedModel
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

MODELS = Path(transformers.__file__).parent / "models"
# Tables that say what else a class does; a class that stands in one of the others is named there first.
GENERIC = (
    "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
    "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
    "MODEL_FOR_PRETRAINING_MAPPING_NAMES",
)


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A model type, its config class and its classes; the first of them is the one that its checkpoints mostly declare."""

    model_type: str
    config_class: type[PreTrainedConfig]
    classes: tuple[type[PreTrainedModel], ...]


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What the installed transformers has; ``broken`` are modules and classes that cannot be had here, with the reason."""

    types: Mapping[str, Declared]
    broken: Mapping[str, str]


@cache
def installed() -> Installed:
    """Import every modeling module (some seconds) and sort the classes by the config class they take."""
    broken: dict[str, str] = {}
    by_name: dict[str, type[PreTrainedModel]] = {}
    by_config: dict[type, list[type[PreTrainedModel]]] = defaultdict(list)
    for module_name in modeling_modules():
        try:
            module = importlib.import_module(module_name)
        except Exception as error:  # noqa: BLE001 - whatever a module lacks, the others can be tested
            broken[module_name] = f"{type(error).__name__}: {error}"
            continue
        for name, found in sorted(vars(module).items()):
            if isinstance(found, type) and issubclass(found, PreTrainedModel) and found.__module__ == module_name:
                by_name.setdefault(name, found)
                if name in getattr(module, "__all__", ()) and is_concrete(found):
                    for config in configs_of(found):
                        by_config[config].append(found)
    tables = auto_tables()
    types: dict[str, Declared] = {}
    for model_type in CONFIG_MAPPING_NAMES:
        config_class = CONFIG_MAPPING[model_type]
        named = [name for table in tables.values() for name in table.get(model_type, ())]
        for name in named:
            if name not in by_name:
                broken[f"{model_type}/{name}"] = "the class is in a table of transformers, and its module cannot be imported here"
        classes = [by_name[name] for name in named if name in by_name] + by_config[config_class]
        # Where a table names classes of another config beside the type's own, no checkpoint of the type declares those.
        ranks = {found: order_of(found.__name__, model_type, tables) for found in by_config[config_class] or classes}
        types[model_type] = Declared(
            model_type=model_type, config_class=config_class, classes=tuple(sorted(ranks, key=ranks.get))
        )
    return Installed(types=types, broken=broken)


def modeling_modules() -> list[str]:
    """Names of the modules that define torch models."""
    paths = sorted(MODELS.glob("*/modeling_*.py"))
    return [f"transformers.models.{path.parent.name}.{path.stem}" for path in paths if path.parent.name != "auto"]


def is_concrete(found: type[PreTrainedModel]) -> bool:
    """Whether a class is one to load, not the parent of such classes; some with that word in their name are."""
    name = found.__name__
    return not (name.endswith("PreTrainedModel") or ("pretrained" in name.lower() and found.forward is nn.Module.forward))


def configs_of(found: type[PreTrainedModel]) -> tuple[type, ...]:
    """The config class of a model class, or several where the annotation is a union."""
    config = found.config_class
    if config is None:
        return ()
    return config.__args__ if hasattr(config, "__args__") else (config,)


@cache
def auto_tables() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """The tables of the Auto classes: table, model type, class names."""
    tables: dict[str, dict[str, tuple[str, ...]]] = {}
    for name in dir(modeling_auto):
        if re.fullmatch(r"MODEL_\w*_?MAPPING_NAMES|MODEL_FOR_AUDIO_TOKENIZATION_NAMES", name):
            entries = getattr(modeling_auto, name).items()
            tables[name] = {key: (value,) if isinstance(value, str) else tuple(value) for key, value in entries}
    return tables


def order_of(name: str, model_type: str, tables: Mapping[str, Mapping[str, tuple[str, ...]]]) -> tuple[int, str]:
    """The class of the generic tables first, then heads of the other tables, the base model, and what is in no table."""
    for rank, table in enumerate(GENERIC):
        if name in tables[table].get(model_type, ()):
            return rank, name
    if name in tables["MODEL_MAPPING_NAMES"].get(model_type, ()):
        return len(GENERIC) + 1, name
    named = any(name in table.get(model_type, ()) for table in tables.values())
    return len(GENERIC) + (0 if named and not name.endswith("Backbone") else 2), name


def is_auto(model_type: str) -> bool:
    """Whether ``AutoModel`` takes the type."""
    return model_type in modeling_auto.MODEL_MAPPING_NAMES
