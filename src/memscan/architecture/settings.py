"""The fields of a config as the library's config class would hold them, read with their types: what running a model asks for.

Looked up in this order: what config.json gives, under the field's name or an alias of it; what the architecture table derives
from other fields; the declared default of the config class (`defaults.json`, made by `tools/build_defaults.py`). A default that a
class computes and that the table does not know is absent: the reader of the field has to know the rule.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from memscan.architecture.config import Config
from memscan.architecture.defaults import defaults, modern
from memscan.architecture.expression import LARGEST, UNKNOWN
from memscan.architecture.fields import Fields, handed_on
from memscan.architecture.table import family
from memscan.document import shown
from memscan.errors import FormatError

GGUF = "the GGUF keys"
"""What the path of a config is called whose words are the keys of a GGUF header."""
MAX_LAYERS = 10_000  # no model has a tenth of it; a config of a million layers is no model
TEXT = ("text_config", "llm_config", "language_config", "thinker_config", "decoder", "generator")
"""Where a config of several models has its decoder's: `get_text_config(decoder=True)` of transformers, and remote code."""


class Settings:
    """One config, or one inside another."""

    __slots__ = ("_aliases", "_defaults", "_fields", "_names", "_subs", "model_type", "path", "values")

    def __init__(self, model_type: str | None, values: Mapping[str, object], path: str = "config.json") -> None:
        values = modern(model_type, values)
        self.model_type, self.values, self.path = model_type, values, path
        # A file of GGUF says what llama.cpp needs: what it does not say is not what a class of transformers has by default.
        is_whole = path == GGUF
        known = defaults(None if is_whole else model_type)
        kind = family(model_type) if model_type is not None and not is_whole else None
        self._fields = None if kind is None else Fields(kind, values)
        self._subs: Mapping[str, str] = {**({} if kind is None else kind.config.get("subs", {})), **known.get("subs", {})}
        self._defaults: Mapping[str, Any] = known
        self._names: Mapping[str, str] = known.get("aliases", {})
        self._aliases: dict[str, list[str]] = {}
        for alias, name in self._names.items():
            self._aliases.setdefault(name, []).append(alias)

    @classmethod
    def of(cls, config: Config) -> "Settings":
        """Those of a whole config."""
        return cls(config.model_type, config.document.values, config.document.path)

    @property
    def text(self) -> "Settings":
        """The config of the decoder that writes text, inside this one; this one where it is of one model."""
        for name in TEXT:
            inner = self.inside(name)
            if inner is not None:
                return inner.text
        return self

    def inside(self, name: str) -> "Settings | None":
        """The config at `name`; None where there is none, neither given nor by default."""
        given, usual = self.values.get(name), self._subs.get(name)
        if given is None and usual is None:
            return None
        values = handed_on(self.values, name, self.model_type)
        declared = values.get("model_type")
        return Settings(declared if isinstance(declared, str) else usual, values, f"{self.path}: {name}")

    def get(self, *names: str) -> object:
        """The first of the fields that has a value; None where none has."""
        for name in names:
            value = self._one(name)
            if value is not None:
                return value
        return None

    def integer(self, *names: str) -> int | None:
        """A whole number that is not negative, or None; a list is none: see `integers`."""
        value = self.get(*names)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None or isinstance(value, list | tuple):
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < LARGEST:
            self._wrong(names, value, "a whole number")
        return value

    def number(self, *names: str) -> float | None:
        """A number, or None."""
        value = self.get(*names)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST:
            self._wrong(names, value, "a number")
        return value

    def flag(self, *names: str) -> bool:
        """Whether the first of the fields that has a value is true."""
        return bool(self.get(*names))

    def text_of(self, *names: str) -> str | None:
        """A string, or None."""
        value = self.get(*names)
        if value is not None and not isinstance(value, str):
            self._wrong(names, value, "a string")
        return value

    def integers(self, *names: str) -> tuple[int, ...] | None:
        """A list of whole numbers, or None where the field is absent or no list."""
        value = self.get(*names)
        if not isinstance(value, list | tuple):
            return None
        if len(value) > MAX_LAYERS or not all(type(one) is int and abs(one) < LARGEST for one in value):
            self._wrong(names, value, "a list of whole numbers")
        return tuple(value)

    def texts(self, *names: str) -> tuple[str, ...] | None:
        """A list of strings, or None where the field is absent or null."""
        value = self.get(*names)
        if value is None:
            return None
        if not isinstance(value, list | tuple) or len(value) > MAX_LAYERS or not all(isinstance(one, str) for one in value):
            self._wrong(names, value, "a list of strings")
        return tuple(value)

    def layers(self, *names: str) -> int | None:
        """A number of layers, small enough to go through them one by one."""
        value = self.integer(*names)
        if value is not None and value > MAX_LAYERS:
            self._wrong(names, value, f"at most {MAX_LAYERS:,} layers")
        return value

    @property
    def tensor_parallel_plan(self) -> Mapping[str, str]:
        """How transformers cuts the base model's modules (`base_model_tp_plan`), by pattern; empty where it has no plan."""
        found: Mapping[str, str] = self._defaults.get("tp", {})
        return found

    def gives(self, name: str) -> bool:
        """Whether config.json itself has a value for the field, under its name or an alias."""
        return any(self.values.get(key) is not None for key in self._keys(name))

    def _keys(self, name: str) -> tuple[str, ...]:
        canonical = self._names.get(name, name)
        known = (canonical,) if self._fields is None else self._fields.spellings(canonical)
        return tuple(dict.fromkeys((*known, name, *self._aliases.get(canonical, ()))))

    def _one(self, name: str) -> object:
        keys = self._keys(name)
        for key in keys:
            if self.values.get(key) is not None:
                return self.values[key]
        found = UNKNOWN if self._fields is None else self._fields(self._names.get(name, name))
        if found is not None and found is not UNKNOWN:
            return found
        if any(key in self.values for key in keys):
            return None
        fields = self._defaults.get("fields", {})
        return next((fields[key] for key in keys if fields.get(key) is not None), None)

    def _wrong(self, names: tuple[str, ...], value: object, expected: str) -> NoReturn:
        raise FormatError(f"{self.path}: {names[0]} is {shown(value)}, expected {expected}")
