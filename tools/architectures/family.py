"""What the table says of one model type: its classes, and where the fields of its config come from."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from transformers import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel

from architectures.atoms import STAGES, Expression
from architectures.classes import Family
from architectures.entry import Entry, entry
from architectures.fit import Fitter
from architectures.names import starred
from architectures.observe import Observation, Observer, build
from architectures.places import Places, list_of_layers, list_of_words, reads_of
from architectures.probes import COUNTS, INDICES, SKIPPED, Asked, Fields, Probe, Prober, Tree, flat, make, variations
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
            places = Places(observed, [flat(probe.config) for probe in own], _fitter(own, observed))
            classes[name] = entry(kind, observed, places, deepcopy(own[min(observed)].config))
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
    comparisons = {text: rule for one in observed.values() for text, rule in one.asked.items()}
    return Fitter([flat(probe.config) for probe in probes], reads_of(observed), comparisons.values())


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
    for is_small in (False, True)[:tries]:
        tree = small(family, kind) if is_small else {}
        if tree is None:
            continue
        try:
            found = tuple(Prober(family.config, accepts(kind), SEED, tree, asked(family, kind, tree)).probes())
        except Exception:  # noqa: BLE001 -- the config class cannot be made so
            continue
        if len(found) >= FEWEST:
            return found, tree
    return (), {}


def asked(family: Family, kind: type[PreTrainedModel], tree: Tree) -> Asked:
    """What the code of a class asks for when it is built."""
    config = make(family.config, {}, tree)
    with traced(config) as record:
        build(kind, config)
    texts = {path: frozenset(words) for path, words in record.texts.items()}
    rules = [rule for rule in record.asked.values() if isinstance(rule, list) and rule[0] in ("==", "!=")]
    compared = {(left, right) for _, left, right in rules if isinstance(left, str) and isinstance(right, str) and left != right}
    return Asked(sorted(record.missing), sorted(compared), texts)


def accepts(kind: type[PreTrainedModel]) -> Callable[[PreTrainedConfig], frozenset[str] | None]:
    """Builds `kind` and tells the patterns of its tensors; None where it does not build."""

    def accepts(config: PreTrainedConfig) -> frozenset[str] | None:
        try:
            return frozenset(map(starred, build(kind, deepcopy(config)).state_dict()))
        except Exception:  # noqa: BLE001 -- whatever it was, this config is not to be built
            return None

    return accepts


def small(family: Family, kind: type[PreTrainedModel]) -> Tree | None:
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
    lists: dict[str, Any] = {}
    varied = [make(family.config, changed, base) for changed in variations(family.config, SEED, base)]
    rows = [flat(config) for config in varied]
    default = make(family.config, {}, base)
    stages = _stages(rows)
    used = {name for one in classes.values() for name in _used(one)} | fields(stages)
    for name in sorted(used if stages is None else used - {*STAGES}):
        if name in given:
            if name in usual:
                usually[name] = usual[name]
            continue
        free = [_without(family.config, changed, name, base) for changed in variations(family.config, SEED, base)]
        values = {index: row.get(name) for index, row in enumerate(free) if row is not None}
        first = flat(default).get(name)
        may_follow = _is_words(first) or (_are_layers(first) and name.endswith(INDICES))
        if not (first and may_follow) and all(value == first for value in values.values()):
            usually[name] = first
            continue
        if any(values.values()) and (all(map(_is_words, values.values())) or all(map(_are_layers, values.values()))):
            # And as it is by default: with more layers than a variation has.
            found = _list(name, {**values, len(free): first}, [*free, flat(default)])
            if found is not None:
                lists[name] = found
            continue
        rule = _rule(name, values, [row or rows[index] for index, row in enumerate(free)])
        if rule is not None:
            derived[name] = rule
    made: Entry = {
        "defaults": usually,
        "derived": derived,
        "lists": lists,
        "aliases": dict(type(default).attribute_map),
        "ties": getattr(default, "tie_word_embeddings", None),
        "subs": {**_subs(default), **_subs(_plain(family.config))},
        "fixed": fixed(family.config),
        "absent": _absent(_plain(family.config)),
    }
    made["ties"] = _tie(family.config, base, made["ties"])
    made["tied_by"] = _tied_by(family.config, base, default)
    made["forced"] = _forced(family.config, base)
    made["stages"] = stages
    return {key: value for key, value in made.items() if value not in ({}, [], None)}


def _stages(rows: Sequence[Fields]) -> Expression | None:
    """How many stages a backbone has, with the stem; None for what is none, or calls them otherwise."""
    names = [row.get("stage_names") for row in rows]
    if not names or any(not one or one != ["stem", *(f"stage{number}" for number in range(1, len(one)))] for one in names):
        return None
    others = [{key: value for key, value in row.items() if key not in ("stage_names", *STAGES)} for row in rows]
    return Fitter(others).fit({index: len(one or ()) for index, one in enumerate(names)})


def _is_words(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(one, str) for one in value)


def _list(name: str, free: Mapping[int, Any], rows: Sequence[Fields | None]) -> list[Any] | None:
    """How the config class makes a list of words, one a layer, where it is not given."""
    others = [{key: value for key, value in (row or {}).items() if key != name} for row in rows]
    bounds = [
        key for key in others[min(free)] if key.rpartition(".")[2] in COUNTS and key.rpartition(".")[0] == name.rpartition(".")[0]
    ]
    make = list_of_words if all(_is_words(value) for value in free.values()) else list_of_layers
    tried = (make(bound, free, others) for bound in bounds)
    return next((one for one in tried if one is not None), None)


def _are_layers(value: Any) -> bool:
    """Whether it may be the numbers of some layers."""
    return isinstance(value, list | tuple) and all(type(one) is int for one in value) and list(value) == sorted(set(value))


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


def _absent(config: PreTrainedConfig | None) -> dict[str, dict[str, Any]]:
    """Of each config inside, where none is given, what differs from the defaults of its own class."""
    found: dict[str, dict[str, Any]] = {}
    for name, sub in ({} if config is None else vars(config)).items():
        usual = _plain(type(sub)) if isinstance(sub, PreTrainedConfig) else None
        if usual is None:
            continue
        fields = {key: value for key, value in flat(usual).items() if "." not in key}
        differing = {
            key: value
            for key, value in flat(sub).items()
            if "." not in key
            and value != fields.get(key)
            and not SKIPPED.search(key)
            and isinstance(value, int | float | str | list | None)
        }
        if differing:
            found[name] = differing
    return found


def _tie(kind: type[PreTrainedConfig], base: Tree, usual: Any) -> Any:
    """The default; `always` or `never` where the config class leaves no choice."""
    if usual is None:
        return None
    found = {given: _tied(kind, {"tie_word_embeddings": given}, base) for given in (False, True)}
    return "always" if found[False] is True else "never" if found[True] is False else usual


def _tied(kind: type[PreTrainedConfig], changed: Fields, base: Tree) -> bool | None:
    try:
        return bool(getattr(make(kind, changed, base), "tie_word_embeddings", False))
    except Exception:  # noqa: BLE001 -- a config without that field
        return None


def _tied_by(kind: type[PreTrainedConfig], base: Tree, default: PreTrainedConfig) -> list[str]:
    """Other fields that tie the embeddings where they are true, as those of the text model's config in older files do."""
    if _tied(kind, {}, base) is not False:
        return []
    names = {name for name in flat(default) if "tie" in name.rpartition(".")[2].split("_") and name != "tie_word_embeddings"}
    names |= {f"{name}.tie_word_embeddings" for name in _subs(default)}
    return [name for name in sorted(names) if _tied(kind, {name: True}, base)]


def _forced(kind: type[PreTrainedConfig], base: Tree) -> dict[str, Expression | None]:
    """Fields that the config class sets, whatever is given for them; null where it is not known to what."""
    made = [(changed, flat(make(kind, changed, base))) for changed in variations(kind, SEED, base)]
    names = {name for changed, _ in made for name, value in changed.items() if type(value) is int}
    found: dict[str, Expression | None] = {}
    for name in sorted(names):
        rows = [row for _, row in made]
        if all(row.get(name) == changed.get(name, row.get(name)) for changed, row in made):
            continue
        values = {index: row.get(name) for index, row in enumerate(rows)}
        if "." in name or all(type(value) is int for value in values.values()):
            rule = _rule(name, values, rows)
            if "." not in name or (rule is not None and not isinstance(rule, int)):
                found[name] = rule
    return found


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
            rest += shape.get("each", ())
            rest += [one for condition, sizes in shape.get("cases", ()) for one in (condition, *sizes)]
            rest += [one for _, number, sizes in shape.get("groups", ()) for one in (number, *sizes)]
        for expression in (count, *(shape if isinstance(shape, list) else ()), *rest):
            found |= fields(expression)
    for bounds, *condition in value.get("places", ()):
        found |= frozenset().union(*map(fields, (*bounds, *condition)))
    for part in value.get("parts", ()):
        found |= fields(part.get("count")).union(*map(fields, part.get("maybe", {}).values()))
    return frozenset(found)
