"""A checkpoint's tensors in the hands of a class: taken, tied, ignored, and what the class makes for itself."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod

from memscan.architecture import Expected, Layout
from memscan.checkpoint import is_buffer
from memscan.dtype import SAFETENSORS, DType, Kind
from memscan.loading.base import Loaded
from memscan.loading.making import Making
from memscan.loading.names import STAR, Found, Names, starred
from memscan.loading.place import Place
from memscan.tensor import TensorInfo

FLOAT32 = SAFETENSORS["F32"]
SMALLEST = 2  # bytes of a dtype that a loader casts; smaller ones are packed or scaled
FLOAT16 = ("F16", "float16")  # as safetensors and torch name it


def load(tensors: Sequence[TensorInfo], layout: Layout, usual: DType = FLOAT32) -> Loaded:
    """What the class of `layout` holds of `tensors`, as `from_pretrained` of transformers would fill it.

    `usual` is the dtype of a model of which no floating tensor is stored.
    """
    draft = Draft(layout, _dtype(tensors, usual))
    for tensor in tensors:
        draft.take(tensor)
    draft.fuse()
    draft.tie()
    created = tuple(draft.create())
    held = (*(one for group in draft.taken.values() for one in group), *created)
    groups = (*draft.taken.items(), *((starred(one.name), (one,)) for one in created))
    modules, fixed = _owners(groups, layout.expected)
    return Loaded(
        class_name=layout.class_name, tensors=held, tied=tuple(draft.tied), ignored=tuple(draft.ignored), created=created,
        modules=modules, fixed=fixed, blocks=layout.blocks, parameters_known=draft.parameters_known,
        unknown="; ".join(draft.unknown) or None,
    )  # fmt: skip


class Draft:
    """A loading while it goes on."""

    def __init__(self, layout: Layout, dtype: DType = FLOAT32) -> None:
        self._layout, self._dtype = layout, dtype
        self._names = Names(layout)
        self._limits = _limits(one for one in layout.expected.values() if one.pattern.count(STAR) == 1)
        self._outer = {**_limits(one for one in layout.expected.values() if one.pattern.count(STAR) > 1), **self._limits}
        self._places: dict[tuple[str, ...], Place] = {}
        self._satisfied: set[str] = set()
        self._layers = frozenset(name[: name.rindex(STAR) + 1] for name in layout.expected if STAR in name)
        self._ignored = re.compile("|".join(f"(?:{one})" for one in sorted(layout.ignored))) if layout.ignored else None
        words = layout.fp32_strict | (layout.fp32 if dtype.name in FLOAT16 else frozenset())
        self._float32 = re.compile("|".join(word.replace("*", ".*") for word in sorted(words))) if words else None
        self._kept: dict[str, bool] = {}
        self.taken: dict[str, list[TensorInfo]] = {}
        self.tied: list[TensorInfo] = []
        self.ignored: list[TensorInfo] = []
        self.unknown: list[str] = list(dict.fromkeys(layout.opaque.values()))
        self.parameters_known = not layout.opaque

    def take(self, tensor: TensorInfo) -> None:
        """Put a stored tensor where the class has a place for it."""
        found = self._names.find(tensor.name) or self._in_a_layer(tensor)
        if found is None:
            self.ignored.append(tensor)
            return
        place = self._places.get(found.patterns) or self._place(found.patterns)
        for before, limit in place.bounds:
            if _number(found.name, before) >= limit:
                self.ignored.append(tensor)
                return
        held = place.held.get(tensor.dtype)
        if held is None:
            held = place.held[tensor.dtype] = self._held_in(found.patterns[0], place.expected, tensor.dtype)
        if not place.taken:
            place.taken = self.taken.setdefault(found.patterns[0], [])
            self._satisfied.update(found.patterns)
        nbytes = tensor.nbytes if held == tensor.dtype else held.packed_nbytes(tensor.elements)
        place.taken.append(TensorInfo(found.name, held, tensor.shape, tensor.offset, nbytes, tensor.storage, place.buffer))

    def called(self, tensor: TensorInfo) -> str:
        """The name that a stored tensor would have in the class, also one that it has no place for."""
        found = self._names.find(tensor.name)
        if found is not None:
            return found.name
        spellings = self._names.spellings(tensor.name)
        return next((name for name in spellings if starred(name) in self._layout.expected), tensor.name)

    def _place(self, patterns: tuple[str, ...]) -> Place:
        """What is the same for all tensors of `patterns`."""
        expected = self._layout.expected.get(patterns[0])
        # A layer that the config does not count is one of those that predict further tokens.
        bounds = [pair for pair in self._limits.items() if patterns[0].startswith(f"{pair[0]}{STAR}")]
        place = self._places[patterns] = Place(expected, bounds)
        return place

    def _in_a_layer(self, tensor: TensorInfo) -> Found | None:
        """The name of a parameter that the table lacks in a layer that it has: it is held, to be on the safe side."""
        if is_buffer(tensor) or (self._ignored is not None and self._ignored.search(tensor.name)):
            return None
        for name in self._names.spellings(tensor.name):
            pattern = starred(name)
            if STAR in pattern and pattern[: pattern.rindex(STAR) + 1] in self._layers:
                return Found(name, (pattern,))
        return None

    def _held_in(self, pattern: str, expected: Expected | None, stored: DType) -> DType:
        """The dtype that the loader makes of a stored one (`convert_and_load_state_dict_in_model` of transformers)."""
        if stored.kind not in (Kind.FLOAT, Kind.INTEGER) or stored.block_bytes < SMALLEST:
            return stored
        if self._stays_float32(pattern):
            return FLOAT32 if stored.kind is Kind.FLOAT and stored.block_bytes < FLOAT32.block_bytes else stored
        if expected is None or not expected.dtype:
            return stored
        own = SAFETENSORS[expected.dtype]
        return stored if (own.kind, own.block_bytes) == (stored.kind, stored.block_bytes) else own

    def _stays_float32(self, pattern: str) -> bool:
        """Whether the loader makes it float32 whatever it is stored in (`PreTrainedModel._get_dtype_plan` of transformers)."""
        if self._float32 is None:
            return False
        if pattern not in self._kept:
            self._kept[pattern] = self._float32.search(pattern) is not None
        return self._kept[pattern]

    def fuse(self) -> None:
        """Make one tensor of those that the class holds as one, as experts are that were stored each by itself."""
        for pattern, group in self.taken.items():
            names = {tensor.name for tensor in group}
            if len(names) < len(group):
                expected = self._layout.expected.get(pattern)
                shape = None if expected is None else expected.shape
                self.taken[pattern] = [_fused(parts, shape) for parts in _by_name(group).values()]

    def tie(self) -> None:
        """Let go of what is stored, and is another tensor of the class all the same."""
        for borrower, lender in (*self._layout.tied, *self._layout.shared):
            if borrower != lender and borrower in self.taken and lender in self._satisfied:
                self.tied += self.taken.pop(borrower)
        for pattern, group in self.taken.items():
            one = self._layout.expected.get(pattern)
            if one is not None and one.unique is not None and 0 < one.unique < len(group):
                self.tied += group[one.unique :]
                self.taken[pattern] = group[: one.unique]

    def create(self) -> Iterator[TensorInfo]:
        """What the class holds and the checkpoint does not."""
        lent = self._lent()
        making = Making(self._dtype, self.taken, self._outer)
        for pattern, one in self._layout.expected.items():
            if one.kind != "n" and pattern in self._satisfied:
                yield from self._left(one, making)
                continue
            if one.count == 0 or one.optional or pattern in lent:
                continue
            is_sure = one.count is not None and (one.bounds or STAR not in pattern)
            if one.kind != "n" and not is_sure and self._has_neighbours(pattern):
                continue  # a checkpoint lacks a part that a class has, hardly ever a tensor among others: these layers have none
            if one.elements is None:
                self.unknown.append(f"the size of {pattern}, which is not stored, is not known for this config")
                self.parameters_known = self.parameters_known and one.kind != "p"
                continue
            yield from making.of(one)

    def _left(self, one: Expected, making: Making) -> Iterator[TensorInfo]:
        """What is stored in some layers, and lacks in others that the config counts: a part of a checkpoint, or of a download."""
        there = self.taken.get(one.pattern, ())
        if one.optional or not one.bounds or one.unique is not None or one.count is None or not 0 < len(there) < one.count:
            return
        if one.shape is None:
            self.unknown.append(
                f"{len(there):,} of {one.count:,} tensors {one.pattern} are stored, and the size of the others is not known"
            )
            self.parameters_known = self.parameters_known and one.kind != "p"
            return
        yield from making.left(one, frozenset(tensor.name for tensor in there))

    def _has_neighbours(self, pattern: str) -> bool:
        """Whether something of the same module, or of the same layer, is stored."""
        before = pattern.partition(STAR if STAR in pattern else ".")[0]
        return any(other.startswith(before) for other in self._satisfied)

    def _lent(self) -> set[str]:
        """Patterns of tensors that are another one, stored or to be made."""
        lent: set[str] = set()
        for borrower, lender in (*self._layout.tied, *self._layout.shared):
            if borrower == lender:
                continue
            # The one that is stored lends, whichever way the pair is written.
            name = lender if borrower in self._satisfied and lender not in self._satisfied else borrower
            if name not in self._satisfied:
                self._lend(name, borrower if name == lender else lender)
            lent.add(name)
        return lent

    def _lend(self, name: str, lender: str) -> None:
        source = self.taken.get(lender)
        if source and STAR not in name:
            self.tied.append(source[0]._replace(name=name))


def _by_name(tensors: Iterable[TensorInfo]) -> Mapping[str, list[TensorInfo]]:
    groups: dict[str, list[TensorInfo]] = {}
    for tensor in tensors:
        groups.setdefault(tensor.name, []).append(tensor)
    return groups


def _fused(parts: Sequence[TensorInfo], shape: tuple[int, ...] | None) -> TensorInfo:
    """One tensor with the bytes of all; flat where the class's shape is not known, or not theirs."""
    elements = sum(part.elements for part in parts)
    whole = shape if shape is not None and prod(shape) == elements else (elements,)
    return parts[0]._replace(shape=whole, nbytes=sum(part.nbytes for part in parts))


def _number(name: str, before: str) -> int:
    """The number behind `before`; none is beyond no limit."""
    digits = name[len(before) :].partition(".")[0] if name.startswith(before) else ""
    return int(digits) if digits.isdigit() else -1


def _dtype(tensors: Iterable[TensorInfo], usual: DType) -> DType:
    """The model's own dtype: the floating one that most bytes are stored in; `usual` where none is."""
    weights: dict[DType, int] = {}
    for tensor in tensors:
        if tensor.dtype.kind is Kind.FLOAT and tensor.dtype.block_bytes > 1:
            weights[tensor.dtype] = weights.get(tensor.dtype, 0) + tensor.nbytes
    return max(weights, key=lambda dtype: weights[dtype], default=usual)


def _limits(expected: Iterable[Expected]) -> Mapping[str, int]:
    """How many numbers there are behind a prefix, where the config says so in one field."""
    found: dict[str, int] = {}
    for one in expected:
        if one.bounds and one.count:
            before = one.pattern.partition(STAR)[0]
            found[before] = max(found.get(before, 0), one.count)
    return found


def _owners(
    groups: Iterable[tuple[str, Sequence[TensorInfo]]], expected: Mapping[str, Expected]
) -> tuple[dict[str, str], frozenset[str]]:
    """Whose each tensor is, and which are of a dtype of their own; `groups` are tensors by pattern."""
    modules: dict[str, str] = {}
    fixed: set[str] = set()
    for pattern, group in groups:
        one = expected.get(pattern)
        if one is not None:
            names = [tensor.name for tensor in group]
            modules.update(dict.fromkeys(names, one.module))
            if one.dtype:
                fixed.update(names)
    return modules, frozenset(fixed)
