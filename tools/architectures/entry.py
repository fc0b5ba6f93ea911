"""What the table says of one class: the observations of all its probes in one entry.

Format: `docs/architectures.md`.
"""

from collections.abc import Mapping
from math import prod
from typing import Any

from transformers import PreTrainedConfig
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import GroupWeightRename, PrefixChange, WeightConverter, WeightTransform
from transformers.modeling_utils import PreTrainedModel

from architectures.atoms import Expression
from architectures.fit import Fitter
from architectures.observe import Observation, Part, Tensors, build
from architectures.places import ALL, NOWHERE, Places
from architectures.shapes import groups
from architectures.shapes import shape as _shape

Entry = dict[str, Any]


def entry(kind: type[PreTrainedModel], observed: Mapping[int, Observation], places: Places, config: PreTrainedConfig) -> Entry:
    """The entry of `kind`; `observed[i]` is what it was in the probe `i` of `places`, `config` its default."""
    fitter = places.fitter
    made: Entry = {
        "prefix": kind.base_model_prefix,
        "tensors": {name: _tensor(name, observed, places) for name in _names(one.tensors for one in observed.values())},
        "places": places.rules,
        "parts": _parts(observed, fitter),
        "tied": sorted({pair for one in observed.values() for pair in one.tied}),
        "shared": sorted({pair for one in observed.values() for pair in one.shared}),
        "inlined": _inlined(observed),
        "blocks": sorted({name for one in observed.values() for name in one.blocks}),
        "outputs": sorted({name for one in observed.values() for name in one.outputs}),
        "renames": _renames(build(kind, config)),
        "fp32": sorted(kind._keep_in_fp32_modules or ()),  # noqa: SLF001
        "fp32_strict": sorted(kind._keep_in_fp32_modules_strict or ()),  # noqa: SLF001
        "ignored": sorted(kind._keys_to_ignore_on_load_unexpected or ()),  # noqa: SLF001
    }
    return {key: value for key, value in made.items() if value not in ([], {}, None)}


def _inlined(observed: Mapping[int, Observation]) -> dict[str, list[str]]:
    """The configs inside whose models are described with the class, and the model types for which they are."""
    found: dict[str, set[str]] = {}
    for path, model_type in frozenset().union(*(one.inlined for one in observed.values())):
        found.setdefault(path, set()).add(model_type)
    return {path: sorted(types) for path, types in sorted(found.items())}


def _names(mappings: Any) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))


def _tensor(name: str, observed: Mapping[int, Observation], places: Places) -> list[Any]:
    """[kind, dtype, module, count, shape, elements, unique, place]; trailing nulls and empty words left out."""
    fitter = places.fitter
    there: dict[int, Tensors] = {i: one.tensors[name] for i, one in observed.items() if name in one.tensors}
    sample = next(iter(there.values()))
    place = places.of(name)
    count = fitter.count({i: len(there[i].shapes) if i in there else 0 for i in observed})
    if count is None and "*" not in name:
        count = places.presence(name)
    shape: list[Expression | None] | dict[str, Any] | None = _shape(there, fitter)
    elements: Expression | None = None
    if shape is None or None in shape:
        # Each by its own numbers, or in groups.
        shape = (
            places.shape(there, place if place != ALL or count is not None else None) or shape or groups(there, observed, fitter)
        )
    if not isinstance(shape, dict) and (shape is None or None in shape):
        totals = {i: sum(prod(one) for one in there[i].shapes) if i in there else 0 for i in observed}
        elements = fitter.fit(totals)
    unique = None
    if any(one.unique != len(one.shapes) for one in there.values()):
        unique = fitter.fit({i: there[i].unique if i in there else 0 for i in observed})
    if place not in (None, ALL) and (
        (isinstance(shape, list) and None not in shape) or (isinstance(shape, dict) and "groups" not in shape)
    ):
        count = None  # it is how many places there are
    where = NOWHERE if place is None else None if place == ALL else place
    found: list[Any] = [sample.kind, sample.dtype, sample.module, count, shape, elements, unique, where]
    while len(found) > 1 and found[-1] in (None, ""):
        found.pop()
    return found


def _parts(observed: Mapping[int, Observation], fitter: Fitter) -> list[Entry]:
    seen: dict[tuple[Any, ...], dict[int, Part]] = {}
    for index, one in observed.items():
        for part in one.parts:
            seen.setdefault((part.at, part.config, part.auto or part.class_name, part.turned), {})[index] = part
    found: list[Entry] = []
    for (at, path, *_), where in seen.items():
        part = next(iter(where.values()))
        lacks = [set(one.without) for one in where.values()]
        always = set.intersection(*lacks)
        made: Entry = {"at": at, "config": path, "auto" if part.auto else "class": part.auto or part.class_name}
        if len(where) < len(observed):
            made["count"] = fitter.fit({index: int(index in where) for index in observed})
        if always:
            made["without"] = sorted(always)
        if any(one.split for one in where.values()):
            made["split"] = True
        if part.turned:
            made["turned"] = [list(one) for one in part.turned]
        if maybe := sorted(set.union(*lacks) - always):
            made["maybe"] = {
                name: fitter.fit({index: int(name not in one.without) for index, one in where.items()}) for name in maybe
            }
        found.append(made)
    return found


def _renames(model: PreTrainedModel) -> list[list[Any]]:
    """[kind, scope or null, prefix that may stand before the scope, regular expression, targets] in the order of loading."""
    return [_rename(one) for one in get_model_conversion_mapping(model, add_legacy=False)]


def legacy_renames(model: PreTrainedModel) -> list[list[Any]]:
    """Those that transformers applies to every model, of releases long ago."""
    own = len(get_model_conversion_mapping(model, add_legacy=False))
    return [_rename(one) for one in get_model_conversion_mapping(model)[own:]]


def _rename(one: WeightTransform) -> list[Any]:
    kind = "converter" if isinstance(one, WeightConverter) else "group" if isinstance(one, GroupWeightRename) else "renaming"
    if type(one).__name__ == "Inkling2IndexOffsetWeightRename":
        kind = f"offset {one.offset}"
    if isinstance(one, PrefixChange):
        kind = "renaming"
    return [kind, one.scope_prefix, one.base_model_prefix, one.compiled_sources.pattern, list(one.target_patterns)]
