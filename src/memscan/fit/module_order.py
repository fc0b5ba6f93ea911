"""The modules of a class in the order in which it defines them: what a device map is filled in.

`module_order.json` is made by `tools/build_module_order.py`. Of each class of a model type it has a list of patterns, `*` for a
number, each behind the module that it stands in, with a mark at its end:

    !   a device map keeps it whole (`_no_split_modules`)
    @   a class inside the class stands there, which has a list of its own
    -   it has no tensors, nor has what is below it; here the last number is not `*`
    ~   one of those that the class inside has by itself, and not here
"""

import json
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from memscan.architecture import Config, Layout, family
from memscan.architecture.settings import Settings

MARKS = WHOLE, PART, BARE, LACKED = "!", "@", "-", "~"
DEEPEST = 6  # classes inside classes


@dataclass(frozen=True, slots=True)
class ModuleOrder:
    """The modules of one class, those of the classes inside it among them."""

    ranks: Mapping[str, int]
    """The place of each pattern."""
    whole: frozenset[str]
    """Patterns of the modules that are not to be split, beside the numbered blocks of the layout."""
    bare: tuple[str, ...]
    """Modules without tensors; what stands above them is a pattern."""
    unknown: tuple[str, ...]
    """Where classes stand whose modules are not known."""


def module_order(layout: Layout, config: Config | None) -> ModuleOrder:
    """The modules of the class of `layout`; without its `config`, what an Auto class chose inside it is not known."""
    found = _Draft()
    settings = None if config is None else Settings.of(config)
    found.add(layout.model_type, layout.class_name, settings, at="", depth=0, split=False)
    return ModuleOrder(
        ranks={pattern: rank for rank, pattern in enumerate(found.patterns)}, whole=frozenset(found.whole),
        bare=tuple(name for name in found.bare if name not in found.lacked), unknown=tuple(found.unknown),
    )  # fmt: skip


class _Draft:
    """An order while it is put together."""

    def __init__(self) -> None:
        self.patterns: dict[str, None] = {}
        self.whole: set[str] = set()
        self.bare: list[str] = []
        self.lacked: set[str] = set()
        self.unknown: list[str] = []

    def add(self, model_type: str, class_name: str, settings: Settings | None, *, at: str, depth: int, split: bool) -> None:
        """The modules of one class at the place `at`; `split` where the outer class's device map splits its blocks."""
        patterns = _types().get(model_type, {}).get(class_name)
        if patterns is None or depth == DEEPEST:
            self.unknown.append(at or class_name)
            return
        parts = _parts(model_type, class_name)
        for marked in patterns:
            pattern, mark = (marked[:-1], marked[-1]) if marked[-1] in MARKS else (marked, "")
            name = f"{at}.{pattern}" if at else pattern
            if mark == LACKED:
                self.lacked.add(name)
                continue
            self.patterns.setdefault(name)
            if mark == WHOLE and not split:
                self.whole.add(name)
            elif mark == BARE:
                self.bare.append(name)
            elif mark == PART:
                inner = _inside(parts[pattern], model_type, settings)
                if inner is None:
                    self.unknown.append(name)
                else:
                    self.add(*inner, at=name, depth=depth + 1, split=split or bool(parts[pattern].get("split")))


def _parts(model_type: str, class_name: str) -> Mapping[str, Mapping[str, Any]]:
    kind = family(model_type)
    entry = {} if kind is None else kind.classes.get(class_name, {})
    return {part["at"]: part for part in entry.get("parts", ())}


def _inside(part: Mapping[str, Any], model_type: str, settings: Settings | None) -> tuple[str, str, Settings | None] | None:
    """The model type, the class and the config of a class inside another; None where the config is needed and not there."""
    steps = list(filter(None, part["config"].split(".")))
    for step in steps:
        settings = None if settings is None else settings.inside(step)
    if settings is not None and steps:
        model_type = settings.model_type or model_type
    if "class" in part:
        chosen: str = part["class"]
        # A class may be built from another type's config: `BertModel` in DPR.
        owners = (model_type, *_owners().get(chosen, ()))
        return next((owner for owner in owners if chosen in _types().get(owner, {})), model_type), chosen, settings
    kind = None if settings is None else family(model_type)
    name = None if kind is None else kind.chosen(part["auto"], _declared(settings))
    return None if name is None else (model_type, name, settings)


def _declared(settings: Settings | None) -> str | None:
    names = None if settings is None else settings.values.get("architectures")
    return names[0] if isinstance(names, list) and names and isinstance(names[0], str) else None


@cache
def _types() -> Mapping[str, Mapping[str, Sequence[str]]]:
    raw = pkgutil.get_data("memscan.fit", "module_order.json")
    types: Mapping[str, Mapping[str, Sequence[str]]] = json.loads(raw or b"{}")["types"]
    return types


@cache
def _owners() -> Mapping[str, Sequence[str]]:
    """The model types that have a class of a name."""
    return {name: tuple(types) for name, types in _grouped().items()}


def _grouped() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, model_type in _pairs():
        found.setdefault(name, []).append(model_type)
    return found


def _pairs() -> Iterator[tuple[str, str]]:
    for model_type, classes in _types().items():
        for name in classes:
            yield name, model_type
