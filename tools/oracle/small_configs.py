"""A small config for a class of transformers: every size shrunk that can be, found by building on the meta device."""

import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

import torch
from declared import Declared
from knobs import Frame, Knob, Path, Tree, frame
from sizes import Sizes
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.initialization import no_init_weights

TARGET = 3_000_000
MOST = 60_000_000
SECONDS = 25
DIVISORS = (8, 16, 4)
# Depth first: every later trial is quick once the layers are few. Fields that must agree stand side by side.
ORDER = (
    "layers",
    "experts",
    "chosen",
    "vocabulary",
    "token",
    "positions",
    "picture",
    "indices",
    "heads",
    "head_width",
    "width",
    "other",
)
LABELS = 5

Changes = dict[Path, Any]


class UnbuildableError(Exception):
    """No config of a class could be built, or none that is small enough; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Small:
    """Keyword arguments of a small config, its parameters, and what could not be changed."""

    config_class: type[PreTrainedConfig]
    tree: Tree
    elements: int
    way: str
    unchanged: tuple[str, ...]
    flipped: tuple[str, ...]

    def config(self) -> PreTrainedConfig:
        """A fresh config."""
        return self.config_class(**deepcopy(self.tree))


@dataclass(kw_only=True)
class Trials:
    """Builds classes on the meta device, again and again, until the time is over."""

    declared: Declared
    classes: tuple[type[PreTrainedModel], ...]
    base: Frame
    ends: float = field(default_factory=lambda: time.process_time() + SECONDS)
    first_error: str = ""
    last_error: str = ""
    late: bool = False

    def elements(self, changes: Changes) -> int | None:
        """Parameters of the largest of the models with these changes; None if one does not build."""
        if time.process_time() > self.ends:
            self.late = True
            return None
        try:
            tree = tree_with(self.base.tree, changes)
            return max(elements_on_meta(found, self.declared.config_class(**deepcopy(tree))) for found in self.classes)
        except Exception as error:  # noqa: BLE001 - any failure means that this config is not valid
            self.last_error = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            self.first_error = self.first_error or self.last_error
            return None

    def why(self) -> str:
        """The first error and the last."""
        errors = "; ".join(dict.fromkeys((self.first_error, self.last_error)))
        return f"the search took more than {SECONDS} s; {errors}" if self.late else errors

    def settle(self, kept: Changes, wanted: Changes) -> Changes:
        """Add as many of the wanted changes to those kept as still build together, by halving."""
        if not wanted or self.elements({**kept, **wanted}) is not None:
            return {**kept, **wanted}
        if len(wanted) == 1:
            return kept
        paths = list(wanted)
        for half in (paths[: len(paths) // 2], paths[len(paths) // 2 :]):
            kept = self.settle(kept, {path: wanted[path] for path in half})
        return kept


def elements_on_meta(found: type[PreTrainedModel], config: PreTrainedConfig) -> int:
    """Parameters of a model, without memory for them."""
    with torch.device("meta"), no_init_weights():
        model = found(config)
    return sum(parameter.numel() for parameter in model.parameters())


def tree_with(base: Tree, changes: Changes) -> Tree:
    """The keyword arguments of a config, nested as its sub-configs are."""
    tree = deepcopy(base)
    for (*parents, name), value in changes.items():
        level = tree
        for parent in parents:
            level = level.setdefault(parent, {})
        level[name] = deepcopy(value)
    return tree


@cache
def small_config(
    declared: Declared, classes: tuple[type[PreTrainedModel], ...], *, seed: str, flip: bool = False, tie: bool = False
) -> Small:
    """A small config for classes, the same for the same seed; with ``flip`` some of its switches are turned, with ``tie`` one.

    Raises:
        UnbuildableError: with the last error of the search.

    """
    random = Random(seed)
    base = frame(classes[0].__name__, declared.config_class)
    trials = Trials(declared=declared, classes=classes, base=base)
    way, changes, elements = _smallest(trials, dict(_ways(base.knobs, random)))
    unchanged = _unchanged(base.knobs, changes)
    flips = _flips(base.knobs, random) if flip else _ties(base.knobs) if tie else {}
    trials.ends = time.process_time() + SECONDS
    turned = trials.settle(changes, flips)
    if flips and turned != changes:
        elements = trials.elements(turned) or elements
    flipped = tuple(".".join(path) for path in turned if path in flips)
    tree = tree_with(base.tree, turned)
    return Small(config_class=declared.config_class, tree=tree, elements=elements, way=way, unchanged=unchanged, flipped=flipped)


def _smallest(trials: Trials, ways: Mapping[str, Changes]) -> tuple[str, Changes, int]:
    found: list[tuple[int, str, Changes]] = []
    for way, changes in ways.items():
        if (elements := trials.elements(changes)) is not None:
            if elements <= TARGET:
                return way, changes, elements
            found.append((elements, way, changes))
    for way, changes in _settled(trials, ways):
        if (elements := trials.elements(changes)) is not None:
            found.append((elements, way, changes))
            if elements <= TARGET:
                break
    if not found:
        raise UnbuildableError(trials.why())
    elements, way, changes = min(found, key=lambda item: item[0])
    if elements > MOST:
        raise UnbuildableError(f"not shrinkable: {elements:,} parameters at the least; {trials.why()}")
    return way, changes, elements


def _settled(trials: Trials, ways: Mapping[str, Changes]) -> Iterator[tuple[str, Changes]]:
    """The changes of the first way that build together, then also those of the other ways, then twice."""
    kept: Changes = {}
    for way, wanted in ways.items():
        for _ in range(2):
            missing = {path: value for path, value in wanted.items() if path not in kept}
            kept = trials.settle(kept, missing)
        yield f"settled {way}", kept


def _ways(knobs: tuple[Knob, ...], random: Random) -> Iterator[tuple[str, Changes]]:
    sizes = Sizes(knobs, random)
    mapped = _ordered(knobs, sizes.value)
    labels = {("num_labels",): LABELS}
    yield "mapped", {**mapped, **labels}
    if opened := {knob.path: sizes.value(knob) for knob in knobs if knob.kind == "open"}:
        yield "mapped and filled", {**mapped, **labels, **opened}
    for divisor in DIVISORS:
        yield f"divided by {divisor}", {**_ordered(knobs, lambda knob, by=divisor: divided(knob, sizes, by)), **labels}
    yield "all", {**_ordered(knobs, lambda knob: halved(knob, sizes)), **labels}
    yield "depth alone", {**_ordered(knobs, lambda knob: sizes.value(knob) if knob.kind == "layers" else knob.default)}
    yield "default", {}


def _ordered(knobs: tuple[Knob, ...], value: Callable[[Knob], Any]) -> Changes:
    turned = sorted((knob for knob in knobs if knob.kind in ORDER), key=lambda knob: ORDER.index(knob.kind))
    values = {knob.path: (knob.default, value(knob)) for knob in turned}
    return {path: new for path, (old, new) in values.items() if new != (list(old) if isinstance(old, tuple) else old)}


def divided(knob: Knob, sizes: Sizes, by: int) -> Any:
    """Widths divided by one number and heads left alone, so that what divides goes on to divide; the rest as ever."""
    if knob.kind in {"width", "head_width"}:
        if isinstance(knob.default, list | tuple):
            return [_divided(item, by) for item in knob.default]
        return _divided(knob.default, by)
    return knob.default if knob.kind == "heads" else sizes.value(knob)


def halved(knob: Knob, sizes: Sizes) -> Any:
    """The same, and what has no known kind is made small too."""
    if knob.kind == "other":
        return [min(item, 16) for item in knob.default] if isinstance(knob.default, list | tuple) else 16
    return sizes.value(knob)


def _divided(value: int, by: int) -> int:
    return value // by if value > 0 and value % by == 0 and value // by >= 2 else value


def _unchanged(knobs: tuple[Knob, ...], changes: Changes) -> tuple[str, ...]:
    large = (
        knob
        for knob in knobs
        if knob.kind in {"width", "vocabulary", "layers", "positions", "other"} and knob.path not in changes
    )
    return tuple(f"{'.'.join(knob.path)}={knob.default}" for knob in large)


def _flips(knobs: tuple[Knob, ...], random: Random) -> Changes:
    """The tie is always turned at the top of the config; every other switch with one chance in two."""
    switches = [knob for knob in knobs if knob.kind == "switch"]
    return {knob.path: not knob.default for knob in switches if knob.path == ("tie_word_embeddings",) or random.random() < 0.5}


def _ties(knobs: tuple[Knob, ...]) -> Changes:
    return {knob.path: True for knob in knobs if knob.name == "tie_word_embeddings" and not knob.default}
