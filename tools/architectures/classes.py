"""Which classes transformers has for each model type, and which of them its Auto classes choose."""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from transformers import CONFIG_MAPPING
from transformers.modeling_utils import PreTrainedModel
from transformers.models.auto import auto_factory, modeling_auto


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One model type: its config class and the classes that are built from it."""

    model_type: str
    config: type
    classes: Mapping[str, type[PreTrainedModel]]
    auto: Mapping[str, str]
    """An Auto class of transformers to the class that it makes of this model type: `AutoModel` to `BertModel`."""


def families() -> Iterator[Family]:
    """Every model type that this release of transformers can be asked for, in order of its name."""
    chosen = _chosen()
    for model_type in sorted(CONFIG_MAPPING.keys()):
        try:
            config = CONFIG_MAPPING[model_type]
        except (ImportError, AttributeError, KeyError):
            continue
        yield Family(
            model_type=model_type, config=config, classes=_classes(config), auto=chosen.get(model_type, {}),
        )  # fmt: skip


def _classes(config: type) -> dict[str, type[PreTrainedModel]]:
    """The classes in the modeling files beside `config` that are built from exactly it."""
    package = config.__module__.rpartition(".")[0]
    found: dict[str, type[PreTrainedModel]] = {}
    for module in _modeling(package, config.__module__):
        for name, kind in inspect.getmembers(module, inspect.isclass):
            if not issubclass(kind, PreTrainedModel) or kind.__module__ != module.__name__ or name.endswith("PreTrainedModel"):
                continue
            if getattr(kind, "config_class", None) is config:
                found[name] = kind
    return found


def _modeling(package: str, config_module: str) -> Iterator[Any]:
    stem = config_module.rpartition(".")[2].removeprefix("configuration_")
    for name in dict.fromkeys((f"modeling_{stem}", f"modeling_{package.rpartition('.')[2]}")):
        try:
            yield importlib.import_module(f"{package}.{name}")
        except ImportError:  # no such file, or a package that it needs (torchaudio): the type then has no entry
            continue


def _chosen() -> dict[str, dict[str, str]]:
    """For each model type, what each Auto class makes of it; a tuple of classes stands for its first."""
    found: dict[str, dict[str, str]] = {}
    for name, kind in vars(modeling_auto).items():
        if not inspect.isclass(kind) or not issubclass(kind, auto_factory._BaseAutoModelClass):  # noqa: SLF001
            continue
        mapping = getattr(kind, "_model_mapping", None)
        for model_type, classes in getattr(mapping, "_model_mapping", {}).items():
            found.setdefault(model_type, {})[name] = classes[0] if isinstance(classes, tuple | list) else classes
    return found
