"""Configs to build a model type from: its default, and variations of it in which as many fields differ as the class allows.

Nothing has data on the meta device, so sizes may be anything; what a class refuses is found by halving the set of fields.
"""

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedConfig

Tree = Mapping[str, Any]
Fields = Mapping[str, Any]
"""Values by the dotted path of their field."""

Accepts = Callable[[PreTrainedConfig], frozenset[str] | None]
"""Builds a config's model and tells the patterns of its tensors; None where it does not build."""

LAYERS = re.compile(r"(layers?|depth|n_layer|num_blocks|stages)$")
SKIPPED = re.compile(
    r"(_id|_ids|_index|_token|^id2label|label2id|^torch_dtype|^dtype|top_k|topk|num_experts_per_tok|return_dict|(^|\.)output_|"
    r"is_encoder_decoder|use_cache|chunk_size_feed|problem_type|rope_(scaling|theta|type)|^_|\._|seed|beams|gradient_checkpointing|"
    r"_ratio_|initializer|epsilon|_eps$|dropout|loss|_cost|_coef|alpha|beta|sampling_rate|model_type|architectures|transformers_version)"
)
SMALL = 32  # counts, kernels and strides are smaller, sizes larger
FACTORS = (6, 12, 18, 30)  # of sizes: divisible by whatever small counts are multiplied with
FEW_TIMES = (1, 2, 3)
LATE = 3  # seconds of processor time for one model
JOINT = 6
SWITCHED = 8
CLOSELY = 3
TRIES = 6
PART = re.compile(r"partial_rotary_factor$")
SWITCH = re.compile(r"(^|\.)(use|is|has|add|do|with|enable|tie|apply)_|_bias$|_enabled$|_norm$")
NUMBER = 3  # of what there is none by default
COUNTED = re.compile(r"(rank|experts|shared|replace|window|mtp|nextn)")
APART = 0.4  # of the lists of sizes: these grow each by itself
PARTS = (0.25, 0.5, 1.0)
COUNTS = ("num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers", "decoder_layers", "depth")
INDICES = ("_layers", "_indices", "_indexes", "_idxs", "_ids")
WORDS = 6  # that a field may be instead
LISTED = 12  # probes whose lists differ
MIXED = 14  # probes in which everything does
SOME = 0.25  # of the switches of these
OPEN = (48, 80, 112)  # for a size that is null by default


@dataclass(frozen=True, slots=True)
class Asked:
    """What the code of a class asks of its config."""

    missing: Sequence[str]
    """Fields that the config class does not declare."""
    compared: Sequence[tuple[str, str]]
    """Fields that are compared with each other."""
    texts: Mapping[str, frozenset[str]]
    """The words that a field, or the items of a list, are compared with."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One config that can be built, and what was changed in it."""

    config: PreTrainedConfig
    changed: Fields
    is_needed: bool = False
    """Whether no class goes without it, however many others it has seen."""


def flat(config: PreTrainedConfig | Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every field of `config` by its dotted path; lists stay whole."""
    found: dict[str, Any] = {}
    values = config.to_dict() if isinstance(config, PreTrainedConfig) else config
    for name, value in values.items():
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value) and not name.endswith(("2label", "2id")):
            found.update(flat(value, f"{prefix}{name}."))
        else:
            found[prefix + name] = value
    if not prefix and isinstance(config, PreTrainedConfig):
        found["num_labels"] = config.num_labels
    return found


def make(kind: type[PreTrainedConfig], changed: Fields, base: Tree | None = None) -> PreTrainedConfig:
    """A config of `kind` with `changed` fields; those of configs inside it are given as dicts of their own.

    `base` are the keyword arguments of a config that can be built, for a class that does not build from its defaults.
    """
    nested: dict[str, Any] = deepcopy(dict(base or {}))
    for path, value in changed.items():
        *heads, last = path.split(".")
        place = nested
        for head in heads:
            inside = place.setdefault(head, {})
            place = inside if isinstance(inside, dict) else place.update({head: {}}) or place[head]
        place[last] = value
    default = kind(**deepcopy(dict(base or {})))
    for name, value in nested.items():
        inner = getattr(default, name, None)
        if isinstance(value, dict) and isinstance(inner, dict):
            nested[name] = {**deepcopy(inner), **value}  # a dict is not a config: what is not given of it is lost
        if isinstance(value, dict) and isinstance(inner, PreTrainedConfig):
            value.setdefault("model_type", inner.model_type)
    return kind(**nested)


def variations(kind: type[PreTrainedConfig], seed: int, base: Tree) -> Sequence[Fields]:
    """Changes to many fields at once that the config class takes, whether or not a model can be built from them."""
    prober = Prober(kind, lambda _: frozenset(), seed, base)
    found = [*(prober.joint() for _ in range(JOINT + CLOSELY)), *(prober.longer() for _ in range(CLOSELY))]
    return [probe.changed for probe in found if probe is not None]


class Prober:
    """Finds configs of one model type that `accepts` can build."""

    again = 3
    """Further values that are tried of a field, where the class does not take the first."""

    def __init__(
        self,
        kind: type[PreTrainedConfig],
        accepts: Accepts,
        seed: int,
        base: Tree | None = None,
        asked: Asked | None = None,
    ) -> None:
        """`asked` is what the code of the class asks for."""
        self._kind, self._accepts, self._base = kind, accepts, base
        self._random = random.Random(seed)
        self._seen: set[frozenset[str]] = set()
        self._missing, self._compared = ((), ()) if asked is None else (asked.missing, asked.compared)
        self._texts: Mapping[str, frozenset[str]] = {} if asked is None else asked.texts
        self._factors = FACTORS
        self._default = flat(make(kind, {}, base))

    def probes(self) -> Iterator[Probe]:
        """The default, then all sizes varied at once, then sizes and switches at once; none where the default fails."""
        first = self._try({})
        if first is None:
            return
        yield first
        layers = self._allowed(self._layers())
        numbers = {**layers, **self._allowed(self._numbers(), layers)}
        for _ in range(JOINT):
            probe = self._joint(numbers)
            if probe is not None:
                yield probe
        switches: list[tuple[str, Any]] = []
        for name, value in self._switches():
            before = len(self._seen)
            if self._try({**layers, name: value}) is not None:
                switches.append((name, value))
                if len(self._seen) != before:  # it makes or takes away tensors: worth looking at closely
                    yield from self._closely(numbers, {name: value})
        for one, other in self._compared:
            size = self._value(other, self._default.get(other))
            yield from self._closely(numbers, {one: size, other: size})  # no probe has them equal by chance
        yield from self._switched(numbers, switches)
        yield from self._listed(numbers, switches)
        for _ in range(MIXED):
            probe = self._mixed(numbers, switches)
            if probe is not None:
                yield probe

    def _switched(self, numbers: Fields, switches: Sequence[tuple[str, Any]]) -> Iterator[Probe]:
        """Several switches at once."""
        for turn in range(SWITCHED if switches else 0):
            # Each in some of them, whatever chance says: what only a head asks for is not looked at closely.
            chosen = {
                name: value
                for place, (name, value) in enumerate(switches)
                if (place + turn) % 4 == 0 or self._random.random() < 0.1
            }
            probe = self._joint(numbers, chosen)
            if probe is not None:
                yield probe

    def _mixed(self, numbers: Fields, switches: Sequence[tuple[str, Any]]) -> Probe | None:
        """All that may differ at once, as chance has it; with fewer changes, the less the class takes."""
        sizes = {name: self._value(name, self._default.get(name)) for name in numbers}
        for one, other in self._compared:
            if one in sizes and other in sizes and self._random.random() < SOME:
                sizes[one] = sizes[other]
        several: dict[str, list[Any]] = {}
        for name, value in switches:
            several.setdefault(name, []).append(value)
        chosen = {name: self._random.choice(values) for name, values in several.items() if self._random.random() < SOME}
        values = {**self._default, **sizes}
        lists = dict(self._lists(values)) if self._random.random() < 0.5 else {}
        if self._random.random() < SOME:
            lists.update(self._stages(values))
        some = {name: value for name, value in {**sizes, **chosen}.items() if self._random.random() < 0.6}
        tries = ({**sizes, **chosen, **lists}, {**sizes, **lists}, {**sizes, **chosen}, some)
        return next((probe for changed in tries if (probe := self._try(changed)) is not None), None)

    def _listed(self, numbers: Fields, switches: Sequence[tuple[str, Any]]) -> Iterator[Probe]:
        """Every size changed, and with them what is said layer by layer, or stage by stage."""
        for turn in range(LISTED):
            sizes = {name: self._value(name, self._default.get(name)) for name in numbers}
            values = {**self._default, **sizes}
            lists = {**dict(self._lists(values)), **(self._stages(values, longer=turn % 4 == 1) if turn % 2 else {})}
            if not lists:
                continue
            chosen = {name: value for name, value in switches if self._random.random() < 0.35}
            for changed in ({**sizes, **chosen, **lists}, {**sizes, **lists}):
                probe = self._try(changed)
                if probe is not None:
                    yield probe
                    break

    def _closely(self, numbers: Fields, switch: Fields) -> Iterator[Probe]:
        for _ in range(CLOSELY):
            probe = self._joint(numbers, switch, keep=True)
            if probe is not None:
                yield probe

    def joint(self) -> Probe | None:
        """Every size changed that may be."""
        return self._joint({**self._layers(), **self._numbers()})

    def longer(self) -> Probe | None:
        """The same with lists of another length, where the config class takes them; None where there are none."""
        probe = self.joint()
        lists = {} if probe is None else self._stages({**self._default, **probe.changed})
        return self._try({**probe.changed, **lists}) if probe is not None and lists else None

    def _joint(self, fields: Fields, fixed: Fields | None = None, *, keep: bool = False) -> Probe | None:
        """Fresh values for as many of `fields` as the class takes together."""
        names = list(fields)
        for _ in range(TRIES):
            probe = self._try({**{name: self._value(name, self._default.get(name)) for name in names}, **(fixed or {})})
            if probe is not None:
                return probe
            names = [name for name in names if self._random.random() < 0.7]
            if not keep:
                fixed = {name: value for name, value in (fixed or {}).items() if self._random.random() < 0.7}
        return None

    def _try(self, changed: Fields) -> Probe | None:
        try:
            config = make(self._kind, changed, self._base)
        except Exception:  # noqa: BLE001 -- strict validation, and whatever else a config's code raises
            return None
        started = time.process_time()
        names = self._accepts(config)
        if time.process_time() - started > LATE:
            self._factors = FEW_TIMES  # its code does with sizes what only small ones allow
        if names is None:
            return None
        self._seen.add(names)
        return Probe(config, changed)

    def _allowed(self, fields: Fields, base: Fields | None = None) -> Fields:
        """Those of `fields` that the class takes: all together, or found by halving."""
        if not fields:
            return {}
        if self._try({**(base or {}), **fields}) is not None:
            return fields
        if len(fields) == 1:
            return self._again(*fields, base or {})
        names = list(fields)
        half = len(names) // 2
        return {
            **self._allowed({name: fields[name] for name in names[:half]}, base),
            **self._allowed({name: fields[name] for name in names[half:]}, base),
        }

    def _again(self, name: str, base: Fields) -> Fields:
        """The field with another value, where the class takes one: fewer stages than there are sizes for, and not more."""
        for _ in range(self.again):
            fields = {name: self._value(name, self._default.get(name))}
            if self._try({**base, **fields}) is not None:
                return fields
        return {}

    def _layers(self) -> Fields:
        return {name: self._value(name, value) for name, value in self._default.items() if _is_layers(name, value)}

    def _numbers(self) -> Fields:
        return {
            name: self._value(name, value)
            for name, value in self._default.items()
            if (_is_number(value) or _is_numbers(value) or _is_part(name, value))
            and not SKIPPED.search(name)
            and not _is_layers(name, value)
        }

    def _value(self, name: str, value: Any) -> Any:
        if _is_part(name, value):
            return self._random.choice(PARTS)
        if _is_numbers(value):
            factor, few = self._random.choice(self._factors), self._random.choice(FEW_TIMES)
            apart = self._random.random() < APART
            return [
                one * factor * (self._random.choice(FEW_TIMES) if apart else 1)
                if one >= SMALL
                else one * few + self._random.choice((0, 0, 1, 2))
                for one in value
            ]
        if not _is_number(value):
            return value
        if _is_layers(name, value):
            return self._random.randint(2, 7)
        if value < SMALL or name.endswith("heads"):
            return value * self._random.choice((1, 1, 2, 3)) + (self._random.choice((0, 0, 1, 2)) if value < 3 else 0)
        return value * self._random.choice(self._factors)

    def _switches(self) -> Sequence[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        if "num_attention_heads" in self._default and "head_dim" not in self._default:
            # Read by `getattr(config, "head_dim", None)` all over transformers, whether or not the config class declares it.
            found.extend(("head_dim", size) for size in OPEN)
        stages = self._default.get("stage_names")
        if isinstance(stages, list | tuple) and self._default.get("out_indices") is not None:
            # A backbone has norms, or more, for each of the stages that it gives.
            found.extend(("out_indices", list(range(first, len(stages)))) for first in range(1, min(len(stages), 4)))
        for name in self._missing:
            if not SKIPPED.search(name) and name not in self._default:
                found.extend((name, value) for value in _of_a_name(name))
        for name, value in self._default.items():
            if not SKIPPED.search(name) or "use_" in name.rpartition(".")[2]:
                found.extend((name, other) for other in _turned(name, value))
                if value is None or isinstance(value, str):
                    found.extend((name, word) for word in sorted(self._texts.get(name, frozenset()) - {value})[:WORDS])
        return found

    def _lists(self, values: Fields) -> Iterator[tuple[str, Any]]:
        """Lists with one item a layer, and lists of the numbers of layers."""
        for name, usual in self._default.items():
            head, dot, last = name.rpartition(".")
            count = next(
                (values[f"{head}{dot}{one}"] for one in COUNTS if isinstance(values.get(f"{head}{dot}{one}"), int)), None
            )
            if not isinstance(usual, list | tuple):
                continue
            if count is None:
                count = self._random.randint(3, 9) if usual and last.endswith("block_type") else 0
            if count and usual and all(isinstance(one, str) for one in usual) and last.endswith(("types", "_type", "pattern")):
                words = sorted({*usual, *self._texts.get(name, ())})
                yield name, [self._random.choice(words) for _ in range(count)]
            elif count and not usual and last.endswith(INDICES) and not last.endswith(("token_ids", "token_id")):
                yield name, sorted(self._random.sample(range(count), self._random.randint(1, count)))

    def _stages(self, values: Fields, *, longer: bool | None = None) -> Fields:
        """Lists of one length, as those of the stages of a backbone have, all one shorter or one longer."""
        lists = {name: list(value) for name, value in values.items() if isinstance(value, list | tuple) and _is_integers(value)}
        lengths = sorted({len(value) for value in lists.values() if len(value) > 1})
        if not lengths:
            return {}
        length, is_longer = self._random.choice(lengths), self._random.random() < 0.5 if longer is None else longer
        return {name: [*value, value[-1]] if is_longer else value[:-1] for name, value in lists.items() if len(value) == length}


def _is_integers(value: Sequence[Any]) -> bool:
    return bool(value) and all(isinstance(one, int) and not isinstance(one, bool) for one in value)


def _turned(name: str, value: Any) -> Sequence[Any]:
    """What a field may be instead, where that turns something on or off."""
    if isinstance(value, bool):
        return (not value,)
    if value == 0 and isinstance(value, int):
        return (NUMBER,)
    if value is None and not name.startswith(("torch", "dtype")):
        return _of_a_name(name)
    return (0, None) if _is_number(value) and COUNTED.search(name) else ()


def _of_a_name(name: str) -> Sequence[Any]:
    """Values for a field of which only the name is known."""
    return PARTS if PART.search(name) else (True,) if SWITCH.search(name) else OPEN


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _varies(name: str, value: Any) -> bool:
    return _is_number(value) or _is_numbers(value) or _is_part(name, value)


def _is_part(name: str, value: Any) -> bool:
    """Whether it says which part of a head is rotated."""
    return isinstance(value, float) and PART.search(name) is not None


def _is_numbers(value: Any) -> bool:
    """Whether it is a list of sizes or counts, as of the stages of a backbone."""
    return isinstance(value, list | tuple) and bool(value) and all(_is_number(one) for one in value)


def _is_layers(name: str, value: Any) -> bool:
    return _is_number(value) and LAYERS.search(name) is not None
