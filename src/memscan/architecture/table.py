"""The architecture table: what the classes of transformers hold, as data made by `tools/build_architectures.py`.

A model type is unpacked when it is asked for. Format: docs/architectures.md.
"""

import json
import lzma
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

PACKAGE = "memscan.architecture"


@dataclass(frozen=True, slots=True)
class Family:
    """What the table says of one model type."""

    model_type: str
    values: Mapping[str, Any]

    @property
    def config(self) -> Mapping[str, Any]:
        """Where the fields of its config come from: defaults, derived, aliases, subs, ties."""
        found: Mapping[str, Any] = self.values["config"]
        return found

    @property
    def classes(self) -> Mapping[str, Mapping[str, Any]]:
        """Its classes by name."""
        found: Mapping[str, Mapping[str, Any]] = self.values["classes"]
        return found

    def chosen(self, auto: str, declared: str | None = None) -> str | None:
        """The class that an Auto class of transformers makes of it: of several the `declared` one, or else the first."""
        names: Sequence[str] = self.values["auto"].get(auto, ())
        return declared if declared in names else names[0] if names else None


@dataclass(frozen=True, slots=True)
class Packed:
    """The table as the package carries it: made by `tools/architectures/packed.py`, which describes the format."""

    release: str
    """Of transformers, that was observed."""
    renames: Sequence[Any]
    """What loading renames for every class."""
    places: Mapping[str, tuple[int, int, int]]
    """Of each model type where its block begins and ends, and the line in it."""
    raw: bytes


@cache
def packed() -> Packed:
    """The table, of which nothing but the list of its types is unpacked."""
    raw = pkgutil.get_data(PACKAGE, "table.xz") or b""
    begin = 4 + int.from_bytes(raw[:4], "little")
    head = json.loads(lzma.decompress(raw[4:begin]))
    places: dict[str, tuple[int, int, int]] = {}
    for length, names in head["blocks"]:
        for line, name in enumerate(names):
            places[name] = (begin, begin + length, line)
        begin += length
    return Packed(head["transformers"], head["renames"], places, raw)


def observed_release() -> str:
    """The release of transformers that the table was made of."""
    return f"transformers {packed().release}"


@cache
def family(model_type: str) -> Family | None:
    """What the table says of `model_type`; None where it has no entry."""
    table = packed()
    if model_type not in table.places:
        return None
    begin, end, line = table.places[model_type]
    return Family(model_type, json.loads(block(begin, end)[line]))


@lru_cache(maxsize=8)
def block(begin: int, end: int) -> Sequence[bytes]:
    """The files of the model types that are compressed together."""
    return lzma.decompress(packed().raw[begin:end]).splitlines()
