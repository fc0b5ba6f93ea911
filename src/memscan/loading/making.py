"""Tensors that a class makes for itself: their names, shapes and dtypes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from memscan.architecture import Expected
from memscan.dtype import SAFETENSORS, DType
from memscan.loading.names import STAR
from memscan.tensor import TensorInfo

MANY = 10_000  # layers; more are not named one by one


@dataclass(frozen=True, slots=True)
class Making:
    """Makes the tensors of a pattern."""

    dtype: DType
    """The model's."""
    taken: Mapping[str, Sequence[TensorInfo]]
    """What is stored, by pattern."""
    outer: Mapping[str, int]
    """How many numbers there are behind a prefix, where the config says so."""

    def of(self, one: Expected) -> Iterator[TensorInfo]:
        """All tensors of one pattern."""
        dtype = SAFETENSORS[one.dtype] if one.dtype else self.dtype
        if (one.where is not None or one.shapes) and one.named is not None:
            yield from (_tensor(name, dtype, shape, one.kind) for name, shape in one.named)
            return
        for pattern, count, shape in _shapes(one):
            names = () if shape is None else self._places(pattern, count)
            if shape is not None and len(names) == count:
                for name in names:
                    yield _tensor(name, dtype, shape, one.kind)
            elif shape is not None:
                yield _tensor(pattern, dtype, (count, *shape), one.kind)
            elif one.elements:
                yield _tensor(pattern, dtype, (one.elements,), one.kind)

    def left(self, one: Expected, stored: frozenset[str]) -> Iterator[TensorInfo]:
        """Those of a pattern with one shape that are not stored."""
        count, shape = (one.count or 0) - len(stored), one.shape or ()
        dtype = SAFETENSORS[one.dtype] if one.dtype else self.dtype
        if one.pattern.count(STAR) != 1 or count > MANY:
            yield _tensor(one.pattern, dtype, (count, *shape), one.kind)
            return
        names = (one.pattern.replace(STAR, str(number)) for number in range(one.count or 0))
        for name in [name for name in names if name not in stored][:count]:
            yield _tensor(name, dtype, shape, one.kind)

    def _places(self, pattern: str, count: int) -> Sequence[str]:
        """The names behind the pattern: where its neighbours are stored."""
        if STAR not in pattern:
            return (pattern,)
        before, _, after = pattern.rpartition(STAR)
        depth = before.count(".") + 1
        found: dict[str, None] = {}
        for other, group in self.taken.items():
            if other.startswith(f"{before}{STAR}"):
                for tensor in group:
                    found[".".join(tensor.name.split(".")[:depth])] = None
        if len(found) != count:
            found = dict.fromkeys(self._alike(pattern, before, count)) or found
        if len(found) == count or count > MANY:
            return tuple(f"{place}{after}" for place in found)
        first, *rest = pattern.split(STAR)
        outer = self.outer.get(first, count) if rest[1:] else count
        inner = 1 if not outer or count % outer else count // outer
        numbers = ((number // inner, number % inner) for number in range(count))
        return tuple(f"{first}{block}{str(number).join(rest)}" for block, number in numbers)

    def _alike(self, pattern: str, before: str, count: int) -> Sequence[str]:
        """The layers that hold just as many of another tensor; of several such tensors the one whose name is most like it."""
        depth = before.count(".") + 1
        alike = [other for other, group in self.taken.items() if len(group) == count and other.startswith(f"{before}{STAR}")]
        nearest = max(alike, key=lambda other: _shared(other, pattern), default=None)
        return [] if nearest is None else [".".join(one.name.split(".")[:depth]) for one in self.taken[nearest]]


def _shared(name: str, other: str) -> int:
    """How many parts two names have in common before they differ."""
    pairs = zip(name.split("."), other.split("."), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _shapes(one: Expected) -> Iterator[tuple[str, int, tuple[int, ...] | None]]:
    """The patterns, counts and shapes of what is to be made; the shape is None where only all elements are known."""
    if not one.groups:
        yield one.pattern, one.count or 0, one.shape if one.count else None
        return
    begun = 0
    pieces = one.pattern.split(STAR)
    for group in one.groups:
        if group.number is not None:
            before, after = STAR.join(pieces[: one.star + 1]), STAR.join(pieces[one.star + 1 :])
            yield f"{before}{group.number}{after}", group.count, group.shape
        elif group.count > MANY:
            yield one.pattern, group.count, group.shape
        else:
            for number in range(begun, begun + group.count):
                yield f"{STAR.join(pieces[:-1])}{number}{pieces[-1]}", 1, group.shape
            begun += group.count


def _tensor(name: str, dtype: DType, shape: tuple[int, ...], kind: str) -> TensorInfo:
    made = TensorInfo(name=name, dtype=dtype, shape=shape, offset=0, nbytes=0, buffer=kind != "p")
    return made._replace(nbytes=dtype.packed_nbytes(made.elements))
