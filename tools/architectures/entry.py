"""What the table says of one class: the observations of all its probes in one entry.

Format: `docs/architectures.md`.
"""

from collections.abc import Mapping
from typing import Any

from transformers import PreTrainedConfig
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import GroupWeightRename, PrefixChange, WeightConverter, WeightTransform
from transformers.modeling_utils import PreTrainedModel

from architectures.atoms import Expression
from architectures.fit import Fitter
from architectures.observe import Observation, Part, Tensors, build

Entry = dict[str, Any]


def entry(kind: type[PreTrainedModel], observed: Mapping[int, Observation], fitter: Fitter, config: PreTrainedConfig) -> Entry:
    """The entry of `kind`; `observed[i]` is what it was in the probe `i` of `fitter`, `config` its default."""
    made: Entry = {
        "prefix": kind.base_model_prefix,
        "tensors": {name: _tensor(name, observed, fitter) for name in _names(one.tensors for one in observed.values())},
        "parts": _parts(observed, fitter),
        "tied": sorted({pair for one in observed.values() for pair in one.tied}),
        "shared": sorted({pair for one in observed.values() for pair in one.shared}),
        "blocks": sorted({name for one in observed.values() for name in one.blocks}),
        "outputs": sorted({name for one in observed.values() for name in one.outputs}),
        "renames": _renames(build(kind, config)),
        "fp32": sorted(kind._keep_in_fp32_modules or ()),  # noqa: SLF001
        "fp32_strict": sorted(kind._keep_in_fp32_modules_strict or ()),  # noqa: SLF001
        "ignored": sorted(kind._keys_to_ignore_on_load_unexpected or ()),  # noqa: SLF001
    }
    return {key: value for key, value in made.items() if value not in ([], {}, None)}


def _names(mappings: Any) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))


def _tensor(name: str, observed: Mapping[int, Observation], fitter: Fitter) -> list[Any]:
    """[kind, dtype, module, count, shape or null, elements, unique]; trailing nulls and empty words left out."""
    there: dict[int, Tensors] = {i: one.tensors[name] for i, one in observed.items() if name in one.tensors}
    sample = next(iter(there.values()))
    count = fitter.fit({i: len(there[i].shapes) if i in there else 0 for i in observed})
    shape: list[Expression | None] | None = None
    elements: Expression | None = None
    if all(len(set(one.shapes)) == 1 for one in there.values()) and len({len(one.shapes[0]) for one in there.values()}) == 1:
        rank = len(sample.shapes[0])
        shape = [fitter.size({i: one.shapes[0][axis] for i, one in there.items()}) for axis in range(rank)]
    if shape is None or None in shape:
        totals = {i: sum(_elements(one) for one in there[i].shapes) if i in there else 0 for i in observed}
        elements = fitter.fit(totals)
    unique = None
    if any(one.unique != len(one.shapes) for one in there.values()):
        unique = fitter.fit({i: there[i].unique if i in there else 0 for i in observed})
    found: list[Any] = [sample.kind, sample.dtype, sample.module, count, shape, elements, unique]
    while len(found) > 1 and found[-1] in (None, ""):
        found.pop()
    return found


def _elements(shape: tuple[int, ...]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _parts(observed: Mapping[int, Observation], fitter: Fitter) -> list[Entry]:
    seen: dict[tuple[str, str, str | None], dict[int, Part]] = {}
    for index, one in observed.items():
        for part in one.parts:
            seen.setdefault((part.at, part.config, part.auto or part.class_name), {})[index] = part
    found: list[Entry] = []
    for (at, path, _), where in seen.items():
        part = next(iter(where.values()))
        lacks = [set(one.without) for one in where.values()]
        always = set.intersection(*lacks)
        made: Entry = {"at": at, "config": path, "auto" if part.auto else "class": part.auto or part.class_name}
        if len(where) < len(observed):
            made["count"] = fitter.fit({index: int(index in where) for index in observed})
        if always:
            made["without"] = sorted(always)
        maybe = set.union(*lacks) - always
        if maybe:
            made["maybe"] = sorted(maybe)
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
