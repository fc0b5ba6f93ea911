"""The architecture table: what the classes of transformers hold, as data made by `tools/build_architectures.py`.

One file a model type, read when that type is asked for. Format: docs/architectures.md.
"""

import json
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
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


@cache
def index() -> Mapping[str, Any]:
    """The types that have a file, each with its classes; the release of transformers; what every class renames on loading."""
    return _read("index.json")


def observed_release() -> str:
    """The release of transformers that the table was made of."""
    return f"transformers {index()['transformers']}"


@cache
def family(model_type: str) -> Family | None:
    """What the table says of `model_type`; None where it has no entry."""
    if model_type not in index()["types"]:
        return None
    return Family(model_type, _read(f"{model_type}.json"))


def _read(name: str) -> Mapping[str, Any]:
    raw = pkgutil.get_data(PACKAGE, f"table/{name}")
    values: Mapping[str, Any] = json.loads(raw or b"{}")
    return values
