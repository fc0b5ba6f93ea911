"""Groups of tensors, counted once so that every cast of them is a short sum and still exact tensor by tensor."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import prod

from memscan.dtype import CASTS, STORED_AS, DType
from memscan.estimate.float32 import FOLLOWING, HALVES, stays_float32
from memscan.model import Scope
from memscan.tensor import TensorInfo, nbytes_of

AS_STORED = "as stored"


@dataclass(slots=True)
class Tally:
    """One group."""

    free: Counter[int] = field(default_factory=Counter)
    """How many tensors that follow a cast have so many elements."""
    float16: Counter[int] = field(default_factory=Counter)
    """Those that stay float32 in float16."""
    half: Counter[int] = field(default_factory=Counter)
    """Those that stay float32 in bfloat16 too."""
    kept: int = 0
    """Bytes of the tensors that no cast changes."""
    nbytes: int = 0
    """Stored bytes of all."""

    def cast(self, dtype: DType) -> int:
        """Bytes after a cast to `dtype`."""
        whole = CASTS["float32"]
        return (
            self.kept
            + _nbytes(self.free, dtype)
            + _nbytes(self.float16, whole if dtype.name == "float16" else dtype)
            + _nbytes(self.half, whole if dtype.name in HALVES else dtype)
        )

    def add(self, other: "Tally") -> None:
        """Count the tensors of `other` too."""
        self.free.update(other.free)
        self.float16.update(other.float16)
        self.half.update(other.half)
        self.kept += other.kept
        self.nbytes += other.nbytes


@dataclass(frozen=True, slots=True)
class Tallies:
    """All groups of one scope."""

    groups: Sequence[Tally]
    whole: Tally
    stored: str
    """The one cast that changes nothing, or `as stored` where there is none."""

    def largest(self, dtype: DType) -> int:
        """Bytes of the largest group after a cast to `dtype`."""
        return max((group.cast(dtype) for group in self.groups), default=0)


def tallied(scope: Scope, groups: Iterable[Sequence[TensorInfo]]) -> Tallies:
    """The groups of `scope`, counted."""
    stays_16, stays_half = stays_float32(scope, strict=False), stays_float32(scope, strict=True)
    whole, found, fixed = Tally(), [], scope.fixed
    dtypes: set[str] = set()
    for group in groups:
        tally = Tally(nbytes=nbytes_of(group))
        for tensor in group:
            name, dtype = tensor.name, tensor.dtype
            if dtype.kind not in FOLLOWING or name in fixed:
                tally.kept += tensor.nbytes
                continue
            dtypes.add(dtype.name)
            counter = tally.half if stays_half(name) else tally.float16 if stays_16(name) else tally.free
            counter[prod(tensor.shape)] += 1
        whole.add(tally)
        found.append(tally)
    names = {STORED_AS.get(name, AS_STORED) for name in dtypes}
    return Tallies(found, whole, names.pop() if len(names) == 1 else AS_STORED)


def _nbytes(counter: Counter[int], dtype: DType) -> int:
    return sum(count * dtype.packed_nbytes(elements) for elements, count in counter.items())
