"""Make `src/memscan/architecture/defaults.json`: what transformers' config classes hold where a config.json says nothing.

The architecture table has the fields that shape tensors; running a model asks for others (windows, layer patterns, context,
activation functions). Of each model type: the fields with their declared defaults, its aliases (`attribute_map`), older names
that it still takes, the configs inside it, how it is cut for tensor parallelism. A default that the class computes from other
fields is left out: whoever reads the field has to know that rule.

    .venv/bin/python tools/build_defaults.py
"""

import dataclasses
import inspect
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).parents[1] / "src/memscan/architecture/defaults.json"
ASKED = re.compile(
    r"layer|head|window|chunk|hidden|intermediate|d_model|d_kv|d_ff|dim|size|rank|state|conv|expand|group|expert|top_?k|block|attention"
    r"|position|vocab|^num_|^n_|interval|period|offset|pattern|shared|act|ffn|mamba|ssm|lru|wkv|multi_query|moe|index|latent|parallel"
    r"|tie_|seq|nextn|mtp|step|sparse|local|global|causal|decoder|encoder|expansion|ratio|length|max_|groups|chunk|gated|blocks"
)
IGNORED = re.compile(
    r"token_id|_eps|epsilon|dropout|initializ|_std|label|loss|drop_?path|_prob|token_index|mask_time|mask_feature|coef|scal(e|ing)"
)
TAKEN = re.compile(r'kwargs\.(?:pop|get)\(\s*"(\w+)"')
SHORT = 8  # letters: `heads`, `n_embed`
PROBES = (24, 48, 96)  # what sizes and counts may be
LONGEST = 40  # characters of a string; longer ones are no switches


def main() -> None:
    """Write the file."""
    document = made()
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    OUTPUT.write_text(text.replace('},"', '},\n"') + "\n")
    print(f"{len(document['types'])} model types, {OUTPUT.stat().st_size:,} bytes")


def made() -> dict[str, Any]:
    """What the file holds."""
    logging.disable(logging.WARNING)
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

    types = {model_type: _entry(CONFIG_MAPPING[model_type]) for model_type in CONFIG_MAPPING_NAMES}
    return {"transformers": transformers.__version__, "types": types}


def _entry(cls: Any) -> dict[str, Any]:
    try:
        made = cls()
    except Exception as error:  # noqa: BLE001 -- a class that needs arguments has no defaults
        print(f"{cls.__name__}: {str(error).splitlines()[0][:100]}")
        made = None
    fields: dict[str, Any] = {}
    for one in dataclasses.fields(cls):
        declared = one.default
        if not ASKED.search(one.name) or IGNORED.search(one.name) or not _is_plain(declared):
            continue
        held = declared if made is None else _held(made, one.name)
        if held == declared and type(held) is type(declared):
            fields[one.name] = declared
    aliases = {alias: name for alias, name in getattr(cls, "attribute_map", {}).items() if isinstance(name, str)}
    subs = {name: sub.model_type for name, sub in getattr(cls, "sub_configs", {}).items() if getattr(sub, "model_type", "")}
    entry: dict[str, Any] = {"fields": fields}
    plan = getattr(cls, "base_model_tp_plan", None)
    if plan:
        entry["tp"] = dict(sorted(plan.items()))
    if aliases:
        entry["aliases"] = aliases
    older = (
        {old: name for old, name in _older(cls) if ASKED.search(name) and not IGNORED.search(name)} if made is not None else {}
    )
    if older:
        entry["older"] = older
    if subs:
        entry["subs"] = subs
    return entry


def _older(cls: Any) -> Iterator[tuple[str, str]]:
    """Names that the class takes beside those of its fields, each with the one field that has its value then."""
    try:
        source = inspect.getsource(cls.__post_init__)
    except (OSError, TypeError):
        return
    known = {"torch_dtype", *(one.name for one in dataclasses.fields(cls))}
    for name in dict.fromkeys(TAKEN.findall(source)):
        if (
            name in known
            or name.endswith(("_config", "_dict", "_indices", "_features"))
            or not (ASKED.search(name) or len(name) < SHORT)
        ):
            continue
        found = [_changed(cls, name, value) for value in PROBES]
        fields = {field for field in found if field is not None}
        if len(fields) == 1 and found.count(None) < len(PROBES) - 1:
            yield name, fields.pop()


def _changed(cls: Any, name: str, value: int) -> str | None:
    """The field that holds `value` once it was given as `name`."""
    try:
        usual, made = cls(), cls(**{name: value})
    except Exception:  # noqa: BLE001 -- a value that the class refuses
        return None
    fields = [one.name for one in dataclasses.fields(cls)]
    differ = [field for field in fields if _held(made, field) == value and _held(usual, field) != value]
    return differ[0] if len(differ) == 1 else None


def _held(config: Any, name: str) -> Any:
    try:
        return getattr(config, name, dataclasses.MISSING)
    except Exception:  # noqa: BLE001 -- a field that differs between the layers has no one value
        return dataclasses.MISSING


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST
    return value is None or isinstance(value, bool | int) or (isinstance(value, float) and abs(value) < 1e9)


if __name__ == "__main__":
    main()
