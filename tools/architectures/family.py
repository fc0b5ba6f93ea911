"""What the table says of one model type: its classes, and where the fields of its config come from."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from transformers import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel

from architectures.atoms import Expression
from architectures.classes import Family
from architectures.entry import Entry, entry
from architectures.fit import Fitter
from architectures.names import starred
from architectures.observe import Observation, Observer, build
from architectures.probes import Fields, Probe, Prober, Tree, flat, make, variations

SEED = 20_261_123
FEWEST = 3  # probes; fewer are too few to fit anything to
SMALL_HEAD = 12  # tensors


def describe(family: Family, observer: Observer) -> tuple[Entry, Mapping[str, str]]:
    """The file of `family`, and for each of its classes that has no entry the reason."""
    failed: dict[str, str] = {}
    probes, base = _probes(family)
    classes: dict[str, Entry] = {}
    fitter = Fitter([flat(probe.config) for probe in probes])
    for name, kind in family.classes.items():
        observed = _observed(kind, probes, observer)
        if isinstance(observed, Mapping) and len(observed) >= FEWEST:
            classes[name] = entry(kind, observed, fitter, deepcopy(probes[min(observed)].config))
            continue
        own, _ = _probes_of(family, kind, tries=1)
        observed = _observed(kind, own, observer)
        if isinstance(observed, Mapping) and len(observed) >= FEWEST:
            own_fitter = Fitter([flat(probe.config) for probe in own])
            classes[name] = entry(kind, observed, own_fitter, deepcopy(own[min(observed)].config))
        else:
            failed[name] = observed if isinstance(observed, str) else "too few configs can be built"
    made: Entry = {
        "config": config_of(family, classes, base) if probes else {},
        "auto": {auto: name for auto, name in sorted(family.auto.items()) if name in classes},
        "classes": classes,
    }
    return made, failed


def _observed(kind: type[PreTrainedModel], probes: Sequence[Probe], observer: Observer) -> Mapping[int, Observation] | str:
    """What `kind` is in each probe that it takes, or why it takes too few of them."""
    observed: dict[int, Observation] = {}
    reason = "no config can be built"
    for index, probe in enumerate(probes):
        if observed and index % 3 and all(_is_outer(one) for one in observed.values()):
            continue  # a head: what is its own is little, and seen soon
        try:
            observed[index] = observer.observe(kind, deepcopy(probe.config))
        except Exception as error:  # noqa: BLE001 -- one config that one class refuses
            reason = f"{type(error).__name__}: {error}"[:160]
    return observed if len(observed) >= FEWEST else reason


def _is_outer(one: Observation) -> bool:
    """Whether nearly all of it is other classes."""
    return bool(one.parts) and len(one.tensors) < SMALL_HEAD


def _probes(family: Family) -> tuple[Sequence[Probe], Tree]:
    """The probes of a family, and what was given to make its classes build: nothing, where their defaults do."""
    preferred = [family.auto.get("AutoModel"), *family.classes]
    tried = False  # the search for a small config takes its time
    for name in dict.fromkeys(name for name in preferred if name in family.classes):
        found, base = _probes_of(family, family.classes[name], 2 if not tried else 1)
        tried = True
        if found:
            return found, base
    return (), {}


def _probes_of(family: Family, kind: type[PreTrainedModel], tries: int = 2) -> tuple[Sequence[Probe], Tree]:
    """Those that one class takes: from the defaults of its config, or from a small config that it can be built with."""
    for small in (False, True)[:tries]:
        tree = _small(family, kind) if small else {}
        if tree is None:
            continue
        try:
            found = tuple(Prober(family.config, _accepts(kind), SEED, tree).probes())
        except Exception:  # noqa: BLE001 -- the config class cannot be made so
            continue
        if len(found) >= FEWEST:
            return found, tree
    return (), {}


def _accepts(kind: type[PreTrainedModel]) -> Callable[[PreTrainedConfig], frozenset[str] | None]:
    """Builds `kind` and tells the patterns of its tensors; None where it does not build."""

    def accepts(config: PreTrainedConfig) -> frozenset[str] | None:
        try:
            return frozenset(map(starred, build(kind, deepcopy(config)).state_dict()))
        except Exception:  # noqa: BLE001 -- whatever it was, this config is not to be built
            return None

    return accepts


def _small(family: Family, kind: type[PreTrainedModel]) -> Tree | None:
    """Keyword arguments of a config that builds, as the oracle finds them."""
    from declared import installed
    from small_configs import UnbuildableError, small_config

    declared = installed().types.get(family.model_type)
    if declared is None or kind not in declared.classes:
        return None
    try:
        return small_config(declared, (kind,), seed=family.model_type).tree
    except UnbuildableError:
        return None


def config_of(family: Family, classes: Mapping[str, Entry], base: Tree) -> Entry:
    """Where the fields that the entries ask for come from, if a config does not give them."""
    given = set(flat(base))
    usual = _usual(family.config)
    fields: dict[str, Any] = {}
    derived: dict[str, Any] = {}
    varied = [make(family.config, changed, base) for changed in variations(family.config, SEED, base)]
    rows = [flat(config) for config in varied]
    default = make(family.config, {}, base)
    for name in sorted({name for one in classes.values() for name in _used(one)}):
        if name in given:
            if name in usual:
                fields[name] = usual[name]
            continue
        free = [_without(family.config, changed, name, base) for changed in variations(family.config, SEED, base)]
        values = {index: row.get(name) for index, row in enumerate(free) if row is not None}
        first = flat(default).get(name)
        if all(value == first for value in values.values()):
            fields[name] = first
            continue
        rule = _rule(name, values, [row or rows[index] for index, row in enumerate(free)])
        if rule is not None:
            derived[name] = rule
    made: Entry = {
        "defaults": fields,
        "derived": derived,
        "aliases": dict(type(default).attribute_map),
        "ties": getattr(default, "tie_word_embeddings", None),
        "subs": {name: sub.model_type for name, sub in vars(default).items() if isinstance(sub, PreTrainedConfig)},
    }
    if _always_tied(family.config, base):
        made["ties"] = "always"
    return {key: value for key, value in made.items() if value not in ({}, None)}


def _without(kind: type[PreTrainedConfig], changed: Fields, name: str, base: Tree) -> Fields | None:
    try:
        return flat(make(kind, {key: value for key, value in changed.items() if key != name}, base))
    except Exception:  # noqa: BLE001 -- a config that is refused without that field
        return None


def _usual(kind: type[PreTrainedConfig]) -> Mapping[str, Any]:
    try:
        return flat(kind())
    except Exception:  # noqa: BLE001 -- a config class without defaults
        return {}


def _always_tied(kind: type[PreTrainedConfig], base: Tree) -> bool:
    try:
        return bool(getattr(make(kind, {"tie_word_embeddings": False}, base), "tie_word_embeddings", False))
    except Exception:  # noqa: BLE001 -- a config without that field
        return False


def _rule(name: str, free: Mapping[int, Any], rows: Sequence[Fields]) -> Expression | None:
    """How the config class makes the field out of the others where it is not given."""
    if len(free) < FEWEST or not all(isinstance(value, int) for value in free.values()):
        return None
    others = [{key: value for key, value in row.items() if key != name} for row in rows]
    return Fitter(others).fit({index: int(value) for index, value in free.items()})


def _used(value: Mapping[str, Any]) -> set[str]:
    """Every field that an expression of the entry names."""
    found: set[str] = set()
    for tensor in value.get("tensors", {}).values():
        for expression in tensor[3:]:
            for one in expression if _is_shape(expression) else [expression]:
                found |= _fields(one)
    for part in value.get("parts", ()):
        found |= _fields(part.get("count"))
    return found


OPERATORS = frozenset({
    "+", "-", "*", "//", "ceil", "**", "max", "min", "if", "int*", "positive", "true", "false", "none", "some", "equal", "len",
    "sum", "at", "count",
})  # fmt: skip


def _is_shape(expression: Any) -> bool:
    return isinstance(expression, list) and not (expression and isinstance(expression[0], str) and expression[0] in OPERATORS)


def _fields(expression: Expression | None) -> set[str]:
    if isinstance(expression, str):
        return {expression}
    if isinstance(expression, list) and expression:
        operands = expression[1:2] if expression[0] in ("equal", "count", "at") else expression[1:]
        return set().union(*(_fields(one) for one in operands)) if operands else set()
    return set()
