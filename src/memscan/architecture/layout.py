"""What one class of transformers holds for one config: its tensors as patterns, its ties, its blocks, its renames.

A class is described by what it has itself and by the classes inside it (`BertForMaskedLM` has a `BertModel` at `bert`, Llava
whatever its `text_config` asks for at `language_model`); a layout is the sum.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memscan.architecture.expression import evaluate
from memscan.architecture.fields import Fields
from memscan.architecture.rename import Rename
from memscan.architecture.table import Family, family, home, index
from memscan.document import shown

SWITCHES = frozenset({"positive", "true", "false", "none", "some", "equal", "count", "if", "max", "min"})
DEEPEST = 6  # classes inside classes


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """All tensors of one pattern; `*` stands for each number in their names."""

    pattern: str
    kind: str
    """`p` parameter, `b` buffer that is saved, `n` buffer that is not."""
    dtype: str
    """safetensors' name; empty where it follows the model's."""
    module: str
    """The torch class that owns it (`Linear`, `Embedding` ...); `/` where the module has modules below it, else empty."""
    count: int | None
    """How many there are; None where the config does not say, or the table cannot."""
    bounds: bool
    """Whether the count is one field of the config: then numbers at or above it are beyond the model."""
    is_conditional: bool
    """Whether the config can say that a class has none: then one that is missing where its neighbours are stored is none."""
    shape: tuple[int, ...] | None
    """None where it is not known, or differs among them."""
    elements: int | None
    """Of all of them together."""
    unique: int | None = None
    """How many of them are tensors of their own, where some are one that stands among them already."""
    optional: bool = False
    """Whether it may be missing, by a rule that the table does not know."""


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


def layout(class_name: str, model_type: str, values: Mapping[str, object]) -> Layout | None:
    """The layout of `class_name` for the config `values` of `model_type`; None where the table has no such class."""
    kind = family(model_type)
    if kind is None or class_name not in kind.classes:
        return None
    draft = _Draft()
    draft.add(kind, class_name, Fields(kind, values), at="", times=1, depth=0, without=(), maybe=())
    entry = kind.classes[class_name]
    own = [Rename.of(values) for values in entry.get("renames", ())]
    return Layout(
        class_name=class_name, model_type=model_type, prefix=entry["prefix"], expected=draft.expected, tied=tuple(draft.tied),
        shared=tuple(draft.shared), blocks=frozenset(draft.blocks), outputs=frozenset(draft.outputs),
        renames=(*own, *draft.renames, *(Rename.of(values) for values in index()["renames"])), fp32=frozenset(draft.fp32),
        fp32_strict=frozenset(draft.fp32_strict), ignored=frozenset(draft.ignored), opaque=draft.opaque,
    )  # fmt: skip


@dataclass(slots=True)
class _Draft:
    """A layout while it is put together."""

    expected: dict[str, Expected] = field(default_factory=dict)
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
        self, kind: Family, class_name: str, fields: Fields, *, at: str, times: int, depth: int, without: Sequence[str],
        maybe: Sequence[str],
    ) -> None:  # fmt: skip
        """The tensors of `class_name`, and of the classes inside it, at the place `at`."""
        entry = kind.classes[class_name]
        dot = f"{at}." if at else ""
        self._swapped(kind, entry, fields, at)
        for part in entry.get("parts", ()):
            lacks = (*part.get("without", ()), *_below(part["at"], without))
            unsure = (*part.get("maybe", ()), *_below(part["at"], maybe))
            self._part(_Place(kind, fields, dot, times, depth), part, lacks, unsure)
        for pattern, values in entry.get("tensors", {}).items():
            if pattern not in without:
                self.expected[dot + pattern] = _expected(dot + pattern, values, fields, times, pattern in maybe)
        if fields.ties():
            self.tied += [(dot + target, dot + source) for target, source in entry.get("tied", ())]
        self.shared += [(dot + target, dot + source) for target, source in entry.get("shared", ())]
        self.blocks |= {dot + name for name in entry.get("blocks", ())}
        self.ignored |= set(entry.get("ignored", ()))
        self.fp32 |= set(entry.get("fp32", ()))
        self.fp32_strict |= set(entry.get("fp32_strict", ()))
        if not dot:
            self.outputs |= set(entry.get("outputs", ()))

    def _swapped(self, kind: Family, entry: Mapping[str, Any], fields: Fields, at: str) -> None:
        """Models inside that are of another type than the one whose tensors the table has as the class's own."""
        apart = frozenset(_apart(kind, entry))
        for name, usual in kind.config.get("subs", {}).items():
            found = fields.type_inside(name)
            if name not in apart and found not in (usual, "None"):
                why = f"{name} is of the model type {shown(found)}, and the table knows this class with {usual!r}"
                self.opaque[f"{at} ({name})"] = why

    def _part(self, place: "_Place", part: Mapping[str, Any], without: Sequence[str], maybe: Sequence[str]) -> None:
        """The tensors of a class inside another."""
        fields, at = place.fields, place.dot + part["at"]
        count = evaluate(part["count"], fields) if "count" in part else 1
        if count == 0:
            return
        inner = fields.inside(part["config"])
        found = place.kind if inner is fields else None if inner is None else family(inner.model_type)
        name: str | None = None if found is None else part["class"] if "class" in part else found.chosen(part["auto"])
        if inner is not None and found is not None and "class" in part and name not in found.classes:
            # A class of another model type, built from this config: `BertModel` in DPR.
            found = home(part["class"])
            inner = None if found is None else inner.read_as(found)
        if inner is None or found is None or name is None or name not in found.classes or place.depth == DEEPEST:
            word = fields.type_inside(part["config"])
            self.opaque[at] = f"{at} is of the model type {shown(word)}, which has no entry in the table"
            return
        if inner is not fields and "auto" in part:
            self._renames_of(found.classes[name], at)
        times, depth = place.times * (count or 1), place.depth + 1
        self.add(found, name, inner, at=at, times=times, depth=depth, without=without, maybe=maybe)

    def _renames_of(self, entry: Mapping[str, Any], at: str) -> None:
        """What the class at `at` renames, for the names below it."""
        known = {(one.scope, one.pattern) for one in self.renames}
        for values in entry.get("renames", ()):
            rename = Rename.of(values).below(at)
            if (rename.scope, rename.pattern) not in known:
                self.renames.append(rename)


def _apart(kind: Family, entry: Mapping[str, Any]) -> Iterator[str]:
    """The configs inside that classes of their own are built from."""
    for part in entry.get("parts", ()):
        if part["config"]:
            yield part["config"].partition(".")[0]
            continue
        name: str | None = part["class"] if "class" in part else kind.chosen(part["auto"])
        if name is not None and name in kind.classes:
            yield from _apart(kind, kind.classes[name])


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a class stands that has others inside it."""

    kind: Family
    fields: Fields
    dot: str
    times: int
    depth: int


def _below(at: str, patterns: Sequence[str]) -> tuple[str, ...]:
    return tuple(pattern.removeprefix(f"{at}.") for pattern in patterns if pattern.startswith(f"{at}."))


def _expected(pattern: str, values: Sequence[Any], fields: Fields, times: int, optional: bool) -> Expected:
    kind, dtype, module, count_rule, shape_rule, total_rule, unique_rule = [*values, *_EMPTY[len(values) :]]
    count = None if count_rule is None else evaluate(count_rule, fields)
    shape = None if shape_rule is None else _shape(shape_rule, fields)
    total = None if total_rule is None else evaluate(total_rule, fields)
    if count is not None:
        count *= times
    if total is not None:
        total *= times
    return Expected(
        pattern=pattern,
        kind=kind,
        dtype=dtype,
        module=module,
        count=count,
        bounds=isinstance(count_rule, str),
        is_conditional=_is_conditional(count_rule),
        shape=shape,
        elements=_total(count, shape, total),
        unique=None if unique_rule is None else evaluate(unique_rule, fields),
        optional=optional,
    )


_EMPTY: Sequence[Any] = ("p", "", "", None, None, None, None)


def _shape(rules: Sequence[object], fields: Fields) -> tuple[int, ...] | None:
    sizes = tuple(_sizes(rules, fields))
    return sizes if len(sizes) == len(rules) else None


def _sizes(rules: Sequence[object], fields: Fields) -> Iterator[int]:
    for rule in rules:
        size = evaluate(rule, fields)
        if size is None or size < 0:
            return
        yield size


def _is_conditional(rule: object) -> bool:
    """Whether an expression asks a switch."""
    if not isinstance(rule, list):
        return rule is None
    return rule[0] in SWITCHES or any(isinstance(one, list) and _is_conditional(one) for one in rule[1:])


def _total(count: int | None, shape: tuple[int, ...] | None, total: int | None) -> int | None:
    if total is not None or count == 0:
        return 0 if count == 0 else total if total is not None and total >= 0 else None
    if count is None or shape is None:
        return None
    for size in shape:
        count *= size
    return count
