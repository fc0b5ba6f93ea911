"""Which classes transformers has for each model type, and which of them its Auto classes choose."""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import transformers
from declared import configs_of, is_concrete
from transformers import CONFIG_MAPPING
from transformers.modeling_utils import PreTrainedModel
from transformers.models.auto import auto_factory, modeling_auto


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One model type: its config class and the classes that are built from it."""

    model_type: str
    config: type
    """What the classes are built from."""
    classes: Mapping[str, type[PreTrainedModel]]
    auto: Mapping[str, tuple[str, ...]]
    """An Auto class of transformers to the class that it makes of this model type: `AutoModel` to `BertModel`. Of several it
    makes the one that the config declares, or else the first."""


def families() -> Iterator[Family]:
    """Every model type that this release of transformers can be asked for, in order of its name."""
    chosen = _chosen()
    for model_type in sorted(CONFIG_MAPPING.keys()):
        try:
            config = CONFIG_MAPPING[model_type]
        except (ImportError, AttributeError, KeyError):
            continue
        yield Family(
            model_type=model_type, config=config, auto=chosen.get(model_type, {}),
            classes={**_foreign(chosen.get(model_type, {})), **_classes(config)},
        )  # fmt: skip


def with_classes(family: Family, more: Mapping[str, type[PreTrainedModel]]) -> Family:
    """The same with `more` classes that are built from its config."""
    return replace(family, classes={**more, **family.classes})


def _foreign(auto: Mapping[str, tuple[str, ...]]) -> dict[str, type[PreTrainedModel]]:
    """What Auto classes choose, also where it is a class of another model type: `LlamaForCausalLM` of InternLM 3."""
    found = {name: getattr(transformers, name, None) for names in auto.values() for name in names}
    return {name: kind for name, kind in found.items() if inspect.isclass(kind) and issubclass(kind, PreTrainedModel)}


def _classes(config: type) -> dict[str, type[PreTrainedModel]]:
    """The classes in the modeling files beside `config` that are built from exactly it."""
    package = config.__module__.rpartition(".")[0]
    found: dict[str, type[PreTrainedModel]] = {}
    for module in _modeling(package):
        for name, kind in inspect.getmembers(module, inspect.isclass):
            is_own = issubclass(kind, PreTrainedModel) and kind.__module__ == module.__name__ and is_concrete(kind)
            if is_own and config in configs_of(kind):
                found[name] = kind
    return found


def _modeling(package: str) -> Iterator[Any]:
    folder = importlib.import_module(package).__path__[0]
    for path in sorted(Path(folder).glob("modeling_*.py")):
        try:
            yield importlib.import_module(f"{package}.{path.stem}")
        except ImportError:  # no such file, or a package that it needs (torchaudio): the type then has no entry
            continue


def _chosen() -> dict[str, dict[str, tuple[str, ...]]]:
    """For each model type, what each Auto class makes of it."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, kind in vars(modeling_auto).items():
        if not inspect.isclass(kind) or not issubclass(kind, auto_factory._BaseAutoModelClass):  # noqa: SLF001
            continue
        mapping = getattr(kind, "_model_mapping", None)
        for model_type, classes in getattr(mapping, "_model_mapping", {}).items():
            found.setdefault(model_type, {})[name] = tuple(classes) if isinstance(classes, tuple | list) else (classes,)
    return found
