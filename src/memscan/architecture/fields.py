"""The fields of a config as the library's config class would hold them: given, aliased, derived, or by default."""

from collections.abc import Mapping
from typing import Any

from memscan.architecture.defaults import modern, worded
from memscan.architecture.expression import UNKNOWN, evaluate
from memscan.architecture.places import listed
from memscan.architecture.stages import OUTPUTS, outputs
from memscan.architecture.table import Family, family

LABELS = "id2label"
LABEL_COUNT = "num_labels"
DEEPEST = 8  # configs inside configs, and rules that lean on rules


TEXT = "text_config"


def handed_on(values: Mapping[str, object], name: str, model_type: str | None) -> Mapping[str, object]:
    """The fields of the config at `name` inside `values`.

    A config from before its class had configs inside it (Qwen2-VL's) has those of the text model beside its own, and some
    classes hand all of them on; others take no notice of them.
    """
    given = values.get(name)
    kind = None if given is not None or name != TEXT or model_type is None else family(model_type)
    if kind is not None and kind.config.get("hands_on") and "num_hidden_layers" in values:
        return {key: value for key, value in values.items() if key != "model_type"}
    return given if isinstance(given, dict) else {}


class Fields:
    """Looks fields up by their dotted path; what nothing says is `UNKNOWN`."""

    def __init__(self, kind: Family, values: Mapping[str, object]) -> None:
        self._family, self._values = kind, worded(modern(kind.model_type, values))
        self._depth = 0
        self._aliases: dict[str, list[str]] = {}
        for alias, name in kind.config.get("aliases", {}).items():
            self._aliases.setdefault(name, []).append(alias)
        self._weak = frozenset(kind.config.get("weak", ()))
        self._is_early = False
        """Whether a field is asked for as it is when a config class makes others of it: before it takes aliases."""

    @property
    def model_type(self) -> str:
        """The model type whose config this is."""
        return self._family.model_type

    @property
    def architecture(self) -> str | None:
        """The class that it declares, if any."""
        declared = self._values.get("architectures")
        first = declared[0] if isinstance(declared, list) and declared else None
        return first if isinstance(first, str) else None

    def __call__(self, path: str) -> object:
        """The value of the field at `path`."""
        head, dot, rest = path.partition(".")
        if not dot:
            return self._own(path)
        subs = self._family.config.get("subs", {})
        if head not in subs:
            return self._inside_dict(path)
        inner = self.inside(head)
        if inner is not None:
            found = inner(rest)
            # What no class of its own asks for has its default here.
            is_open = found is UNKNOWN and inner.model_type == subs[head] and inner.says_nothing_of(rest)
            return self._defaults.get(path, UNKNOWN) if is_open else found
        # A config whose type has no classes of its own, and so no entry.
        return self._inside_dict(path) if self.type_inside(head) == subs[head] else UNKNOWN

    def _inside_dict(self, path: str) -> object:
        """A field of a dict, such as `rope_parameters`; older releases had those of that one beside it."""
        forced = self._family.config.get("forced", {})
        if path in forced:
            return self._evaluated(forced[path])
        value: object = self._values
        for part in path.split("."):
            if not isinstance(value, dict) or part not in value:
                default = self._defaults.get(path, UNKNOWN)
                return self._values.get(path.rpartition(".")[2], default) if path.startswith("rope_") else default
            value = value[part]
        return value

    @property
    def _defaults(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._family.config.get("defaults", {})
        return found

    def given(self, path: str) -> object:
        """The value that the config itself gives for the field at `path`, under its name or an alias; else `UNKNOWN`."""
        head, dot, rest = path.partition(".")
        if dot:
            inner = self._values.get(head)
            kind = self.inside(head) if head in self._family.config.get("subs", {}) else None
            if kind is not None:
                return kind.given(rest)
            return inner.get(rest, UNKNOWN) if isinstance(inner, dict) else UNKNOWN
        return next((self._values[name] for name in self.spellings(path) if name in self._values), UNKNOWN)

    def spellings(self, name: str) -> tuple[str, ...]:
        """The names that the field may be given under, the one that counts where several are first.

        A config class sets its own fields and then what else it was given, so that an alias has the last word.
        """
        if self._is_early:
            return (name,)
        aliases = [one for one in self._aliases.get(name, ()) if one != name]
        weak = [one for one in aliases if one in self._weak]
        return (*(one for one in aliases if one not in self._weak), name, *weak)

    def says_nothing_of(self, name: str) -> bool:
        """Whether the field is neither given nor made of others here."""
        return "." not in name and self.given(name) is UNKNOWN and self._made(name) is None

    def inside(self, path: str) -> "Fields | None":
        """The fields of the config at `path` inside this one; None where its type has no entry in the table."""
        if not path:
            return self
        head, _, rest = path.partition(".")
        values = handed_on(self._values, head, self.model_type)
        model_type = self._type_of(head)
        kind = family(model_type) if isinstance(model_type, str) else None
        if kind is None:
            return None
        if not values and not isinstance(self._values.get(head), dict):
            values = self._family.config.get("absent", {}).get(head, {})
        inner = Fields(kind, {**values, **self._forced(head)})
        return inner.inside(rest) if rest else inner

    def _forced(self, head: str) -> dict[str, object]:
        """What the config class sets in the config at `head`, whatever is given for it."""
        rules: Mapping[str, Any] = self._family.config.get("forced", {})
        found: dict[str, object] = {}
        for path, rule in rules.items():
            if path.startswith(f"{head}.") and path.count(".") == 1 and self._depth < DEEPEST:
                self._depth += 1
                found[path.partition(".")[2]] = evaluate(rule, self)
                self._depth -= 1
        return found

    def left_out(self) -> tuple[str, ...]:
        """The configs inside this one that are given, and that the table has never seen there: Gemma 4's towers by default."""
        known = self._family.config.get("subs", {})
        fixed = self._family.config.get("fixed", ())
        return tuple(name for name in fixed if name not in known and isinstance(self._values.get(name), dict))

    def type_inside(self, path: str) -> str:
        """The word by which the config at `path` calls its model type, or that it has by default; for a message."""
        head, _, rest = path.partition(".")
        inner = self.inside(head) if rest else None
        if inner is not None:
            return inner.type_inside(rest)
        return str(self._type_of(head))

    def _type_of(self, head: str) -> object:
        """The model type of the config at `head`: what it says itself, unless the config class leaves it no choice."""
        values = self._values.get(head)
        declared = values.get("model_type") if isinstance(values, dict) else None
        is_fixed = declared is None or head in self._family.config.get("fixed", ())
        found: object = self._family.config.get("subs", {}).get(head) if is_fixed else declared
        return found

    def ties(self) -> bool:
        """Whether the config ties the output embeddings to the input ones."""
        default = self._family.config.get("ties", False)
        if default in ("always", "never"):
            return bool(default == "always")
        given = self._values.get("tie_word_embeddings")
        is_tied = given if isinstance(given, bool) else bool(default)
        return is_tied or any(self(path) is True for path in self._family.config.get("tied_by", ()))

    def _evaluated(self, rule: object) -> object:
        if self._depth == DEEPEST:
            return UNKNOWN
        self._depth += 1
        found = evaluate(rule, self)
        self._depth -= 1
        return UNKNOWN if found is None else found

    def _own(self, name: str) -> object:
        if name == LABEL_COUNT and self._values.get(LABEL_COUNT) is None and isinstance(self._values.get(LABELS), dict):
            return len(self._values[LABELS])  # type: ignore[arg-type]
        config = self._family.config
        if name not in config.get("forced", {}):
            for key in self.spellings(name):
                if self._values.get(key) is not None:
                    return self._ended(name, self._values[key])
        made = self._made(name)
        if made is not None:
            return made
        return None if name in self._values else self._defaults.get(name, UNKNOWN)

    def _ended(self, name: str, value: object) -> object:
        """`value`, with the word at its end that the config class puts there whatever is given."""
        last = self._family.config.get("last", {}).get(name)
        return [*value[:-1], last] if last is not None and isinstance(value, list) and value else value

    def _made(self, name: str) -> object:
        """What the config class makes of other fields, `UNKNOWN` where these do not say; None where it makes nothing."""
        config = self._family.config
        if name in config.get("forced", {}):
            return self._evaluated(config["forced"][name])
        if name in config.get("derived", {}):
            before, self._is_early = self._is_early, name in config.get("early", ())
            made = self._evaluated(config["derived"][name])
            self._is_early = before
            return made
        rule = config.get("lists", {}).get(name)
        if rule is not None and self._depth < DEEPEST:
            self._depth += 1
            items = listed(rule, self)
            self._depth -= 1
            return UNKNOWN if items is None else items
        if name in OUTPUTS and "stages" in config:
            return outputs(name, self._evaluated(config["stages"]), self._values)
        return None
