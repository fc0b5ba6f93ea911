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
from architectures.probes import Asked, Fields, Probe, Prober, Tree, flat, make, variations
from architectures.trace import traced
from memscan.architecture.expression import fields

SEED = 20_261_123
FEWEST = 3  # probes; fewer are too few to fit anything to
SMALL_HEAD = 12  # tensors
MANY = 48  # probes of a head


def describe(family: Family, observer: Observer) -> tuple[Entry, Mapping[str, str]]:
    """The file of `family`, and for each of its classes that has no entry the reason."""
    failed: dict[str, str] = {}
    probes, base = _probes(family)
    classes: dict[str, Entry] = {}
    for name, kind in family.classes.items():
        own = probes
        observed = _observed(kind, own, observer)
        if isinstance(observed, str):
            own, _ = _probes_of(family, kind)
            observed = _observed(kind, own, observer)
        if isinstance(observed, str):
            failed[name] = observed
        else:
            classes[name] = entry(kind, observed, _fitter(own, observed), deepcopy(own[min(observed)].config))
    made: Entry = {
        "config": config_of(family, classes, base) if probes else {},
        "auto": {
            auto: kept for auto, names in sorted(family.auto.items()) if (kept := [name for name in names if name in classes])
        },
        "classes": classes,
    }
    return made, failed


def _observed(kind: type[PreTrainedModel], probes: Sequence[Probe], observer: Observer) -> Mapping[int, Observation] | str:
    """What `kind` is in each probe that it takes, or why it takes too few of them."""
    refused: frozenset[str] = frozenset()
    while True:
        observed, reason = _observed_once(kind, probes, observer, refused)
        if len(observed) < FEWEST:
            return reason
        # What is a part in one probe and none in another is none.
        places = {part.at for one in observed.values() for part in one.parts}
        mixed = places & frozenset().union(*(one.refused for one in observed.values()))
        if not mixed:
            return observed
        refused |= mixed


def _observed_once(
    kind: type[PreTrainedModel], probes: Sequence[Probe], observer: Observer, refused: frozenset[str]
) -> tuple[Mapping[int, Observation], str]:
    observed: dict[int, Observation] = {}
    reason = "no config can be built"
    for index, probe in enumerate(probes):
        if len(observed) > MANY and index % 3 and all(_is_outer(one) for one in observed.values()):
            continue  # a head: what is its own is little, and seen soon
        try:
            observed[index] = observer.observe(kind, deepcopy(probe.config), refused)
        except Exception as error:  # noqa: BLE001 -- one config that one class refuses
            reason = f"{type(error).__name__}: {error}"[:160]
    return observed, reason


def _fitter(probes: Sequence[Probe], observed: Mapping[int, Observation]) -> Fitter:
    """One that knows which fields the code of a class reads, and what it compares."""
    reads = frozenset().union(*(one.reads for one in observed.values()))
    asked = {text: rule for one in observed.values() for text, rule in one.asked.items()}
    return Fitter([flat(probe.config) for probe in probes], reads, asked.values())


def _is_outer(one: Observation) -> bool:
    """Whether nearly all of it is other classes."""
    return bool(one.parts) and len(one.tensors) < SMALL_HEAD


def _probes(family: Family) -> tuple[Sequence[Probe], Tree]:
    """The probes of a family, and what was given to make its classes build: nothing, where their defaults do."""
    preferred = [*family.auto.get("AutoModel", ()), *family.classes]
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
            found = tuple(Prober(family.config, _accepts(kind), SEED, tree, _asked(family, kind, tree)).probes())
        except Exception:  # noqa: BLE001 -- the config class cannot be made so
            continue
        if len(found) >= FEWEST:
            return found, tree
    return (), {}


def _asked(family: Family, kind: type[PreTrainedModel], tree: Tree) -> Asked:
    """What the code of a class asks for when it is built."""
    config = make(family.config, {}, tree)
    with traced(config) as record:
        build(kind, config)
    rules = [rule for rule in record.asked.values() if isinstance(rule, list) and rule[0] in ("==", "!=")]
    compared = {(left, right) for _, left, right in rules if isinstance(left, str) and isinstance(right, str) and left != right}
    return Asked(sorted(record.missing), sorted(compared))


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
    plain = _plain(family.config)
    usual = {} if plain is None else flat(plain)
    usually: dict[str, Any] = {}
    derived: dict[str, Any] = {}
    varied = [make(family.config, changed, base) for changed in variations(family.config, SEED, base)]
    rows = [flat(config) for config in varied]
    default = make(family.config, {}, base)
    for name in sorted({name for one in classes.values() for name in _used(one)}):
        if name in given:
            if name in usual:
                usually[name] = usual[name]
            continue
        free = [_without(family.config, changed, name, base) for changed in variations(family.config, SEED, base)]
        values = {index: row.get(name) for index, row in enumerate(free) if row is not None}
        first = flat(default).get(name)
        if all(value == first for value in values.values()):
            usually[name] = first
            continue
        rule = _rule(name, values, [row or rows[index] for index, row in enumerate(free)])
        if rule is not None:
            derived[name] = rule
    made: Entry = {
        "defaults": usually,
        "derived": derived,
        "aliases": dict(type(default).attribute_map),
        "ties": getattr(default, "tie_word_embeddings", None),
        "subs": {**_subs(default), **_subs(_plain(family.config))},
        "fixed": fixed(family.config),
    }
    if _always_tied(family.config, base):
        made["ties"] = "always"
    return {key: value for key, value in made.items() if value not in ({}, [], None)}


def _without(kind: type[PreTrainedConfig], changed: Fields, name: str, base: Tree) -> Fields | None:
    try:
        return flat(make(kind, {key: value for key, value in changed.items() if key != name}, base))
    except Exception:  # noqa: BLE001 -- a config that is refused without that field
        return None


def _plain(kind: type[PreTrainedConfig]) -> PreTrainedConfig | None:
    try:
        return kind()
    except Exception:  # noqa: BLE001 -- a config class without defaults
        return None


def fixed(kind: type[PreTrainedConfig]) -> list[str]:
    """The configs inside it that are of one class whatever they call themselves."""
    return sorted(name for name, inner in kind.sub_configs.items() if issubclass(inner, PreTrainedConfig))


def _subs(config: PreTrainedConfig | None) -> Mapping[str, str]:
    """The model types of the configs inside it."""
    inside = {} if config is None else vars(config)
    return {name: sub.model_type for name, sub in inside.items() if isinstance(sub, PreTrainedConfig)}


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


def _used(value: Mapping[str, Any]) -> frozenset[str]:
    """Every field that an expression of the entry names."""
    found: set[str] = set()
    for tensor in value.get("tensors", {}).values():
        _, _, _, count, shape, *rest = [*tensor, *[None] * 7][:7]
        if isinstance(shape, dict):
            rest += [one for _, number, sizes in shape["groups"] for one in (number, *sizes)]
        for expression in (count, *(shape if isinstance(shape, list) else ()), *rest):
            found |= fields(expression)
    for part in value.get("parts", ()):
        found |= fields(part.get("count")).union(*map(fields, part.get("maybe", {}).values()))
    return frozenset(found)
