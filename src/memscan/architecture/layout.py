"""What one class of transformers holds for one config: its tensors as patterns, its ties, its blocks, its renames.

A class is described by what it has itself and by the classes inside it (`BertForMaskedLM` has a `BertModel` at `bert`, Llava
whatever its `text_config` asks for at `language_model`); a layout is the sum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from memscan.architecture.expected import Expected, expected
from memscan.architecture.expression import evaluate
from memscan.architecture.fields import Fields
from memscan.architecture.places import Places
from memscan.architecture.rename import Rename
from memscan.architecture.table import Family, family, packed
from memscan.architecture.verified import unverified
from memscan.document import shown

DEEPEST = 6  # classes inside classes
ATTENDING = frozenset({"full_attention", "sliding_attention", "chunked_attention", None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a class holds."""

    class_name: str
    model_type: str
    prefix: str
    """The name of the base model inside a class with a head (`base_model_prefix`)."""
    expected: Mapping[str, Expected]
    """By pattern."""
    tied: tuple[tuple[str, str], ...]
    """Pairs of patterns (borrower, lender) that this config ties."""
    shared: tuple[tuple[str, str], ...]
    """Pairs that are always one tensor."""
    blocks: frozenset[str]
    """Numbered modules that a device map keeps whole."""
    outputs: frozenset[str]
    """Modules of output embeddings."""
    renames: tuple[Rename, ...]
    fp32: frozenset[str]
    """Parts of names that stay float32 in float16 (`_keep_in_fp32_modules`)."""
    fp32_strict: frozenset[str]
    """Those that stay so in bfloat16 too."""
    ignored: frozenset[str]
    """Regular expressions of transformers for names that the class leaves unread (`_keys_to_ignore_on_load_unexpected`)."""
    opaque: Mapping[str, str]
    """Modules of which the table knows nothing, each with the reason."""
    unsure: tuple[str, ...] = ()
    """Why what is said here was not held to torch: classes, and values of fields, that were not verified. Only where asked."""


def layout(class_name: str, model_type: str, values: Mapping[str, object], *, sure: bool = False) -> Layout | None:
    """The layout of `class_name` for the config `values` of `model_type`; None where the table has no such class.

    Where it has to be `sure`, the layout says in `unsure` what of it was not verified.
    """
    kind = family(model_type)
    if kind is None or class_name not in kind.classes:
        return None
    draft = _Draft(sure=sure)
    draft.add(kind, class_name, Fields(kind, values), at="", depth=0, without=(), maybe=())
    entry = kind.classes[class_name]
    own = [Rename.of(values) for values in entry.get("renames", ())]
    known = {(place, one.pattern) for one in own for place in one.places}
    of_parts = (one for one in draft.renames if (one.scope, one.pattern) not in known)
    return Layout(
        class_name=class_name, model_type=model_type, prefix=entry["prefix"], expected=draft.expected, tied=tuple(draft.tied),
        shared=tuple(draft.shared), blocks=frozenset(draft.blocks), outputs=frozenset(draft.outputs),
        renames=(*own, *of_parts, *(Rename.of(values) for values in packed().renames)), fp32=frozenset(draft.fp32),
        fp32_strict=frozenset(draft.fp32_strict), ignored=frozenset(draft.ignored), opaque=draft.opaque,
        unsure=tuple(dict.fromkeys(draft.unsure)),
    )  # fmt: skip


@dataclass(slots=True)
class _Draft:
    """A layout while it is put together."""

    sure: bool
    expected: dict[str, Expected] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    tied: list[tuple[str, str]] = field(default_factory=list)
    shared: list[tuple[str, str]] = field(default_factory=list)
    blocks: set[str] = field(default_factory=set)
    outputs: set[str] = field(default_factory=set)
    renames: list[Rename] = field(default_factory=list)
    fp32: set[str] = field(default_factory=set)
    fp32_strict: set[str] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)
    opaque: dict[str, str] = field(default_factory=dict)

    def add(
        self, kind: Family, class_name: str, fields: Fields, *, at: str, depth: int, without: Sequence[str],
        maybe: Sequence[str],
    ) -> None:  # fmt: skip
        """The tensors of `class_name`, and of the classes inside it, at the place `at`."""
        entry = kind.classes[class_name]
        dot = f"{at}." if at else ""
        self._swapped(entry, fields, at)
        if self.sure:
            self.unsure += unverified(kind, class_name, fields)
        for part in entry.get("parts", ()):
            lacks = [*part.get("without", ()), *_below(part["at"], without)]
            unsure = [*_below(part["at"], maybe)]
            for pattern, rule in part.get("maybe", {}).items():
                there = None if rule is None else evaluate(rule, fields)
                if there is None:
                    unsure.append(pattern)
                elif there == 0:
                    lacks.append(pattern)
            self._part(_Place(kind, fields, dot, depth), part, lacks, unsure)
        places = Places(entry.get("places", ()), fields)
        for pattern, values in entry.get("tensors", {}).items():
            if pattern not in without:
                self.expected[dot + pattern] = expected(dot + pattern, values, fields, places, optional=pattern in maybe)
        if fields.ties():
            self.tied += [(dot + target, dot + source) for target, source in entry.get("tied", ())]
        self.shared += [(dot + target, dot + source) for target, source in entry.get("shared", ())]
        self.blocks |= {dot + name for name in entry.get("blocks", ())}
        self.ignored |= set(entry.get("ignored", ()))
        self.fp32 |= set(entry.get("fp32", ()))
        self.fp32_strict |= set(entry.get("fp32_strict", ()))
        if not dot:
            self.outputs |= set(entry.get("outputs", ()))

    def _swapped(self, entry: Mapping[str, Any], fields: Fields, at: str) -> None:
        """Models inside that are of another type than those whose tensors the table has as the class's own."""
        if _unaware(entry, fields):
            self.opaque[f"{at} (layer_types)"] = "layer_types names layers of a kind that the table knows this class without"
        for name in fields.left_out():
            self.opaque[f"{at} ({name})"] = f"{name} is given, and the table knows this class without what it describes"
        for path, usual in entry.get("inlined", {}).items():
            found = fields.type_inside(path)
            if found not in usual:
                why = f"{path} is of the model type {shown(found)}, and the table knows this class with {' or '.join(usual)}"
                self.opaque[f"{at} ({path})"] = why

    def _part(self, place: "_Place", part: Mapping[str, Any], without: Sequence[str], maybe: Sequence[str]) -> None:
        """The tensors of a class inside another."""
        fields, at = place.fields, place.dot + part["at"]
        count = evaluate(part["count"], fields) if "count" in part else 1
        if count == 0:
            return
        inner = fields.inside(part["config"])
        found = place.kind if inner is fields else None if inner is None else family(inner.model_type)
        name: str | None = None
        if inner is not None and found is not None:
            name = part["class"] if "class" in part else found.chosen(part["auto"], inner.architecture)
        if inner is None or found is None or name is None or name not in found.classes or place.depth == DEEPEST:
            word = fields.type_inside(part["config"])
            self.opaque[at] = f"{at} is of the model type {shown(word)}, which has no entry in the table"
            return
        if inner is not fields and "auto" in part:
            self._renames_of(found.classes[name], at)
        self.add(found, name, inner, at=at, depth=place.depth + 1, without=without, maybe=maybe)
        if part.get("split"):
            self.blocks = {name for name in self.blocks if not name.startswith(f"{at}.")}
        for pattern, held_as, dtype in part.get("turned", ()):
            if (one := self.expected.get(f"{at}.{pattern}")) is not None:
                self.expected[one.pattern] = replace(one, kind=held_as, dtype=dtype)

    def _renames_of(self, entry: Mapping[str, Any], at: str) -> None:
        """What the class at `at` renames, for the names below it."""
        known = {(one.scope, one.pattern) for one in self.renames}
        for values in entry.get("renames", ()):
            rename = Rename.of(values).below(at)
            if (rename.scope, rename.pattern) not in known:
                self.renames.append(rename)


def _unaware(entry: Mapping[str, Any], fields: Fields) -> bool:
    """Whether some layers do not attend, by the config, and the table has the same tensors for all of this class.

    It is made of default configs, and some of those (LFM2's) have layers of one kind alone.
    """
    types = fields("layer_types")
    tensors = entry.get("tensors", {})
    if (
        not isinstance(types, list | tuple)
        or all(one in ATTENDING for one in types)
        or not any("layers.*" in one for one in tensors)
    ):
        return False
    return "layer_types" not in str(entry.get("places")) and not any("layer_types" in str(values) for values in tensors.values())


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a class stands that has others inside it."""

    kind: Family
    fields: Fields
    dot: str
    depth: int


def _below(at: str, patterns: Sequence[str]) -> tuple[str, ...]:
    return tuple(pattern.removeprefix(f"{at}.") for pattern in patterns if pattern.startswith(f"{at}."))
