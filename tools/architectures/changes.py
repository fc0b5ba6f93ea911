"""What differs between two architecture tables, as of two releases of transformers: a line for each type, class and tensor."""

from collections.abc import Iterator, Mapping
from typing import Any

Table = Mapping[str, Mapping[str, Any]]
"""The file of each model type."""

LONGEST = 160
BESIDE = ("verified",)  # not what a class holds, but how sure that is


def changes(old: Table, new: Table) -> Iterator[str]:
    """The lines, model types by name; none where both tables say the same."""
    for model_type in sorted({*old, *new}):
        if model_type not in new or model_type not in old:
            word, one = ("added", new) if model_type in new else ("removed", old)
            yield f"{model_type}: {word}, with {', '.join(sorted(one[model_type]['classes']))}"
            continue
        yield from _between(f"{model_type} config", old[model_type].get("config", {}), new[model_type].get("config", {}))
        yield from _between(f"{model_type} Auto classes", old[model_type].get("auto", {}), new[model_type].get("auto", {}))
        yield from _classes(model_type, old[model_type]["classes"], new[model_type]["classes"])


def _classes(model_type: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if name not in new or name not in old:
            yield f"{model_type} {name}: {'added' if name in new else 'removed'}"
            continue
        yield from _between(f"{model_type} {name}", _tensors(old[name]), _tensors(new[name]))
        yield from _between(f"{model_type} {name}", _rest(old[name]), _rest(new[name]))


def _tensors(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Each tensor with the rule of its places in full: their numbers mean nothing outside the entry."""
    rules = entry.get("places", ())
    found: dict[str, Any] = {}
    for pattern, values in entry.get("tensors", {}).items():
        place = values[7] if len(values) > 7 else None
        found[pattern] = [*values[:7], rules[place]] if place is not None and place >= 0 else values
    return found


def _rest(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in ("tensors", "places", *BESIDE)}


def _between(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*old, *new}):
        if key not in new:
            yield f"{where}: {key} removed"
        elif key not in old:
            yield f"{where}: {key} added: {_short(new[key])}"
        elif old[key] != new[key]:
            yield f"{where}: {key}: {_short(old[key])} -> {_short(new[key])}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
