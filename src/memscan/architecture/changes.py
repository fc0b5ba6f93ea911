"""A config with some of its fields changed: what a model would be, were it deeper or wider."""

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from memscan.architecture.config import Changes, Config
from memscan.architecture.defaults import defaults
from memscan.architecture.fields import LABEL_COUNT, handed_on
from memscan.architecture.table import family
from memscan.document import Document, shown
from memscan.errors import UsageError

EVERYWHERE = frozenset({"architectures", "dtype", "torch_dtype", "num_labels", "tie_word_embeddings", "head_dim", "layer_types"})
LABELS = ("id2label", "label2id")
MEANT = 0.6  # how alike names have to be, for one to be taken for the other


def parse_change(word: str) -> tuple[str, str]:
    """`num_hidden_layers=48` as a field and its value in JSON; what is no JSON is a text. UsageError where there is no `=`."""
    path, equals, value = word.partition("=")
    if not equals or not path.strip() or not value.strip():
        raise UsageError(f"{shown(word)} changes no field; write FIELD=VALUE: num_hidden_layers=48, text_config.hidden_size=6144")
    try:
        json.loads(value)
    except ValueError:
        value = json.dumps(value.strip())
    return path.strip(), value


def changed(config: Config, changes: Changes) -> Config:
    """`config` with `changes`; UsageError for a field that a config of its model type does not have.

    A list with a word for each layer that the config class can make by itself (`layer_types`) is made anew where the number
    of layers changes, and nothing is said of the list.
    """
    values: dict[str, Any] = dict(config.document.values)
    for path, value in changes:
        _set(values, path, path, json.loads(value), config.model_type)
    asked = {path for path, _ in changes}
    for path, _ in changes:
        _let_go(values, path, asked, config.model_type)
    return Config(Document(config.document.path, values), config.modelopt)


def _set(values: dict[str, Any], path: str, whole: str, value: object, model_type: str | None) -> None:
    head, dot, rest = path.partition(".")
    known = _known(values, model_type)
    if head not in known:
        close = get_close_matches(head, sorted(known), n=1, cutoff=MEANT)
        before = whole.removesuffix(path)
        hint = f"; did you mean {before}{close[0]}?" if close else ""
        raise UsageError(f"{shown(whole)} is no field that memscan knows of the model type {shown(model_type)}{hint}")
    if not dot:
        for other in _spellings(head, model_type):
            values.pop(other, None)
        values[head] = value
        return
    inner_type = _type_inside(values, head, model_type)
    if inner_type is None and not isinstance(values.get(head), dict):
        outer = whole.removesuffix(f".{rest}")
        raise UsageError(f"{shown(outer)} is a field that holds no config, so that {shown(rest)} cannot be one of its fields")
    inner = dict(handed_on(values, head, model_type))
    if not isinstance(values.get(head), dict):  # the outer class has defaults of its own for it, while nothing is given there
        kind = None if model_type is None else family(model_type)
        inner = {**({} if kind is None else kind.config.get("absent", {}).get(head, {})), **inner}
    _set(inner, rest, whole, value, inner_type)
    values[head] = inner


def _spellings(name: str, model_type: str | None) -> Iterator[str]:
    """The other names under which a config of the model type may hold the same: what was given there no longer counts."""
    known, kind = defaults(model_type), None if model_type is None else family(model_type)
    if name == LABEL_COUNT:
        yield from LABELS
    for names in (known.get("aliases", {}), known.get("older", {}), {} if kind is None else kind.config.get("aliases", {})):
        canonical = names.get(name, name)
        yield canonical
        yield from (alias for alias, own in names.items() if own == canonical)


def _let_go(values: dict[str, Any], path: str, asked: set[str], model_type: str | None) -> None:
    """Forget lists that have an item for each layer of the number that is changed at `path`."""
    head, dot, rest = path.partition(".")
    if dot:
        inner = dict(handed_on(values, head, model_type))
        below = {one.removeprefix(f"{head}.") for one in asked if one.startswith(f"{head}.")}
        _let_go(inner, rest, below, _type_inside(values, head, model_type))
        values[head] = inner
        return
    kind = None if model_type is None else family(model_type)
    config: Mapping[str, Any] = {} if kind is None else kind.config
    canonical = config.get("aliases", {}).get(path, path)
    for name, (bound, *_) in config.get("lists", {}).items():
        if bound == canonical and name not in asked:
            values.pop(name, None)


def _known(values: Mapping[str, object], model_type: str | None) -> frozenset[str]:
    """The names of fields that a config of the model type may have."""
    known = defaults(model_type)
    names = {*EVERYWHERE, *values, *known.get("fields", ()), *known.get("subs", ())}
    names |= {*known.get("aliases", ()), *known.get("aliases", {}).values(), *known.get("older", ())}
    kind = None if model_type is None else family(model_type)
    if kind is not None:
        for key in ("defaults", "derived", "aliases", "lists", "subs"):
            names |= {path.partition(".")[0] for path in kind.config.get(key, ())}
    return frozenset(names)


def _type_inside(values: Mapping[str, Any], head: str, model_type: str | None) -> str | None:
    inner = values.get(head)
    declared = inner.get("model_type") if isinstance(inner, dict) else None
    kind = None if model_type is None else family(model_type)
    usual = {**defaults(model_type).get("subs", {}), **({} if kind is None else kind.config.get("subs", {}))}.get(head)
    return declared if isinstance(declared, str) else usual
