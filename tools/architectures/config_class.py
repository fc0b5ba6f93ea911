"""Where the fields that a table's entries ask for come from, if a config does not give them: what a config class makes of it.

Format: `config` in `docs/architectures.md`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from transformers import PreTrainedConfig

from architectures.atoms import STAGES, Expression
from architectures.classes import Family
from architectures.entry import Entry
from architectures.fit import Fitter
from architectures.lists import list_of_layers, list_of_words
from architectures.probes import COUNTS, INDICES, SKIPPED, Fields, Tree, flat, make, variations
from memscan.architecture.expression import fields

SEED = 20_261_123
FEWEST = 3  # values to fit a rule to
FEW = 2  # words, of which one cannot be told from what is always so


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
            elif _are_layers(first) and all(value == first for value in values.values()):
                usually[name] = first  # however many layers there are
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
    made["last"] = _last(family.config, base, flat(default))
    made["stages"] = stages
    made["weak"] = weak_aliases(family.config, default)
    made["early"] = made_early(family.config, default, derived)
    made["hands_on"] = hands_on(family.config, default) or None
    return {key: value for key, value in made.items() if value not in ({}, [], None)}


def weak_aliases(kind: type[PreTrainedConfig], default: PreTrainedConfig) -> list[str]:
    """The aliases that do not count where the field is given under its own name too; all others do."""
    found = []
    for alias, name in type(default).attribute_map.items():
        usual = getattr(default, name, None)
        if type(usual) is not int or alias == name:
            continue
        first, second = usual * 2 + 2, usual * 3 + 7
        try:
            taken = {getattr(kind(**given), name) for given in ({name: first, alias: second}, {alias: second, name: first})}
        except Exception:  # noqa: BLE001 -- values that the class does not take
            continue
        if taken == {first}:
            found.append(alias)
    return sorted(found)


def made_early(kind: type[PreTrainedConfig], default: PreTrainedConfig, derived: Iterable[str]) -> list[str]:
    """The fields that the class makes of others before it takes aliases of those: an alias does not change them."""
    found: set[str] = set()
    names = [name for name in derived if type(getattr(default, name, None)) is int]
    for alias, name in type(default).attribute_map.items():
        usual = getattr(default, name, None)
        if type(usual) is not int or alias == name:
            continue
        try:
            under_alias, under_name = kind(**{alias: usual * 2}), kind(**{name: usual * 2})
        except Exception:  # noqa: BLE001 -- a value that the class does not take
            continue
        if getattr(under_alias, name) == usual * 2:
            found |= {
                one for one in names if getattr(under_alias, one) == getattr(default, one) != getattr(under_name, one)
            }  # fmt: skip
    return sorted(found)


def hands_on(kind: type[PreTrainedConfig], default: PreTrainedConfig) -> bool:
    """Whether the class makes the config of its text model out of fields beside it."""
    layers = getattr(getattr(default, "text_config", None), "num_hidden_layers", None)
    if type(layers) is not int:
        return False
    try:
        made = getattr(kind(num_hidden_layers=layers + 3), "text_config", None)
    except Exception:  # noqa: BLE001 -- a value that the class does not take
        return False
    return getattr(made, "num_hidden_layers", None) == layers + 3


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
    return _try_make(kind, {key: value for key, value in changed.items() if key != name}, base)


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


def _last(kind: type[PreTrainedConfig], base: Tree, default: Fields) -> dict[str, str]:
    """Lists of words of which the config class sets the last one, whatever is given: the last layer of Gemma 4 attends to all."""
    found: dict[str, str] = {}
    for name, usual in default.items():
        words = sorted(set(usual)) if _is_words(usual) and "." not in name else []
        given = [[word] * len(usual) for word in words]
        held = [(_try_make(kind, {name: one}, base) or {}).get(name) for one in given]
        ends = {one[-1] for one in held if isinstance(one, list | tuple) and one}
        if len(given) < FEW or len(ends) != 1:
            continue
        end = ends.pop()
        if all(list(one or ()) == [*before[:-1], end] for one, before in zip(held, given, strict=True)):
            found[name] = end
    return found


def _try_make(kind: type[PreTrainedConfig], changed: Fields, base: Tree) -> Fields | None:
    try:
        return flat(make(kind, changed, base))
    except Exception:  # noqa: BLE001 -- what a config class refuses
        return None


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
