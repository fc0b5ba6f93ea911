"""Budgets in a file: `[tool.memscan]` of pyproject.toml, or memscan.toml.

    [[budget]]                      # [[tool.memscan.budget]] in pyproject.toml
    target = "org/name"
    max-memory = "24GB"             # or device = "h100"; or baseline and max-growth
    what = "inference"              # total (the default), largest-layer, inference, training
    context = 8192                  # the options of the command line, spelt the same

`[defaults]` holds what every budget has that does not say otherwise. A list in `targets`, `dtypes` or `devices` stands for as
many budgets. Strict: an unknown key is an error with the nearest name. Specification: https://toml.io/en/v1.0.0; the JSON Schema
for editors is `memscan/budget/budget.schema.json`.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import product

from memscan.budget.base import Place
from memscan.budget.figures import INFERENCE, TRAINING
from memscan.document import shown
from memscan.errors import FormatError

LARGEST = 1_000_000  # bytes of a file; budgets are lines
MOST = 10_000  # budgets of one file
MANY = {"targets": "target", "dtypes": "dtype", "devices": "device"}
SHARED = ("batch", "attention", "cuda-context", "allocator")
"""Words of both kinds of work."""
RUNNING = (
    *SHARED, "context", "kv-dtype", "engine", "tp", "pp", "ep", "offload-experts", "encoder-tokens", "prefill", "max-num-seqs",
    "gpu-memory-utilization",
)  # fmt: skip
LEARNING = (
    *SHARED, "seq", "optimizer", "precision", "lora", "qlora", "zero", "fsdp", "gpus", "gpus-per-node", "offload",
    "gradient-checkpointing",
)  # fmt: skip
WORDS_OF = {INFERENCE: RUNNING, TRAINING: LEARNING}
"""The words of the work that a figure is of."""
MEANING = {**MANY, "devices": "limit", "device": "limit", "max-memory": "limit"}
"""Words for the same thing, of which a budget has one."""
TEXTS = (
    "target", "max-memory", "device", "what", "dtype", "baseline", "max-growth", "unknown", "revision", "library-name", "scope",
    "file", "subfolder", "variant", "kv-dtype", "engine", "attention", "optimizer", "precision", "lora", "qlora", "fsdp",
    "offload", "cuda-context", "allocator",
)  # fmt: skip
NUMBERS = (
    "context", "batch", "tp", "pp", "ep", "encoder-tokens", "prefill", "max-num-seqs", "seq", "zero", "gpus", "gpus-per-node",
)  # fmt: skip
FLOATS = ("gpu-memory-utilization",)
FLAGS = ("mmproj", "offload-experts", "gradient-checkpointing")
KEYS = (*TEXTS, *NUMBERS, *FLOATS, *FLAGS, *MANY)
Entry = Mapping[str, object]


def budgets(text: str, path: str) -> tuple[tuple[Entry, Place], ...]:
    """The budgets of a file, each with its place; FormatError for anything that is none, with the key and what was expected.

    `text` is the file's; a `path` that ends in pyproject.toml has them below `tool.memscan`, any other at its top.
    """
    try:
        document: object = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FormatError(f"{path} is not TOML: {error}") from error
    except RecursionError as error:
        raise FormatError(f"{path} is nested too deeply to be read") from error
    nested = path.endswith("pyproject.toml")
    for key in ("tool", "memscan") if nested else ():
        document = document.get(key, {}) if isinstance(document, dict) else {}
    if not isinstance(document, dict):
        raise FormatError(f"{path}: tool.memscan is {shown(document)}, expected a table")
    _known(document, ("defaults", "budget"), path)
    defaults = _table(document.get("defaults", {}), f"{path}: defaults")
    entries = document.get("budget", [])
    if not isinstance(entries, list) or not entries or len(entries) > MOST:
        raise FormatError(f"{path} has no budgets: expected [[{'tool.memscan.' if nested else ''}budget]], at most {MOST:,}")
    lines = _lines(text)
    found = []
    for number, entry in enumerate(entries):
        place = Place(path=path, line=lines[number] if len(lines) == len(entries) else 1)
        given = _table(entry, f"{path}: budget {number + 1}")
        usual = _fitting(_without_rivals(defaults, given), str(given.get("what", defaults.get("what", ""))))
        found += [(one, place) for one in _spread({**usual, **given})]
        if len(found) > MOST:
            raise FormatError(f"{path} asks for more than {MOST:,} checks")
    return tuple(found)


def _without_rivals(defaults: Entry, given: Entry) -> Entry:
    """The defaults but those that `given` says in other words: one target for several, a size for a device."""
    said = {MEANING.get(key, key) for key in given}
    return {key: value for key, value in defaults.items() if MEANING.get(key, key) not in said}


def _fitting(defaults: Entry, what: str) -> Entry:
    """The defaults that mean something for what is checked: a context is of an inference alone."""
    other = {*RUNNING, *LEARNING} - set(WORDS_OF.get(what, ()))
    return {key: value for key, value in defaults.items() if key not in other and not (key == "dtype" and what == "training")}


def _spread(entry: Entry) -> Iterator[Entry]:
    """One budget for each member of each list."""
    lists = {single: entry[many] for many, single in MANY.items() if many in entry}
    rest = {key: value for key, value in entry.items() if key not in MANY}
    for values in product(*(value if isinstance(value, list) else [value] for value in lists.values())):
        yield {**rest, **dict(zip(lists, values, strict=True))}


def _table(value: object, where: str) -> Entry:
    if not isinstance(value, dict):
        raise FormatError(f"{where} is {shown(value)}, expected a table")
    _known(value, KEYS, where)
    for key, one in value.items():
        _check(key, one, where)
    for many, single in MANY.items():
        if many in value and single in value:
            raise FormatError(f"{where} has both {single} and {many}; give one")
    return value


def _check(key: str, value: object, where: str) -> None:
    if key in MANY:
        right, expected = (
            isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value),
            "a list of strings",
        )
    elif key in NUMBERS:
        right, expected = type(value) is int and value >= 0, "a whole number"
    elif key in FLOATS:
        right, expected = type(value) in (int, float), "a number"
    elif key in FLAGS:
        right, expected = isinstance(value, bool), "true or false"
    else:
        right, expected = (isinstance(value, str) and bool(value)) or (key == "max-growth" and value == 0), "a string"
    if not right:
        raise FormatError(f"{where}: {key} is {shown(value)}, expected {expected}")


def _known(table: Mapping[str, object], keys: Sequence[str], where: str) -> None:
    for key in table:
        if key not in keys:
            near = get_close_matches(key.replace("_", "-"), keys, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}?" if near else f"expected some of {', '.join(keys)}"
            raise FormatError(f"{where}: unknown key {shown(key)}; {hint}")


def _lines(text: str) -> list[int]:
    """The line of each `[[budget]]`, where they are written so."""
    head = re.compile(r"\s*\[\[\s*(?:tool\s*\.\s*memscan\s*\.\s*)?budget\s*\]\]")
    return [number for number, line in enumerate(text.splitlines(), start=1) if head.match(line)]
