"""One tensor as a header describes it: name, dtype, shape and the bytes that the file keeps for it."""

from collections.abc import Iterable
from math import prod
from operator import itemgetter
from typing import NamedTuple

from memscan.dtype import DType, Kind


class TensorInfo(NamedTuple):
    """One stored tensor: a tuple, made in a quarter of a frozen dataclass's time, for a model may have half a million."""

    name: str
    """The dotted name, as stored."""
    dtype: DType
    shape: tuple[int, ...]
    """Logical shape; `()` is a scalar and holds one element."""
    offset: int
    """Where its bytes start: in the file's data section, or in the `storage` that it is a view of."""
    nbytes: int
    """Bytes in the file, as the header states them; the dtype only checks them."""
    storage: str = ""
    """The key of the storage that holds it, where a format lets tensors share one; empty where each has its own."""
    buffer: bool | None = None
    """Whether it is a buffer and no parameter; None where the header does not say and the name has to."""

    @property
    def elements(self) -> int:
        """The product of the shape."""
        return prod(self.shape)

    @property
    def castable(self) -> bool:
        """Whether a cast of the model to another dtype changes this tensor, as `from_pretrained(dtype=...)` does."""
        return self.dtype.kind is Kind.FLOAT


def nbytes_of(tensors: Iterable[TensorInfo]) -> int:
    """Bytes in the files of all `tensors`."""
    return sum(map(_NBYTES, tensors))


def elements_of(tensors: Iterable[TensorInfo]) -> int:
    """The elements of all `tensors`."""
    return sum(map(prod, map(_SHAPE, tensors)))


def kinds_of(tensors: Iterable[TensorInfo]) -> frozenset[Kind]:
    """The kinds of the dtypes of `tensors`. Each dtype is asked once: few objects stand for the dtypes of half a million."""
    return frozenset(dtype.kind for dtype in {id(dtype): dtype for dtype in map(_DTYPE, tensors)}.values())


_DTYPE, _SHAPE, _NBYTES = map(itemgetter, map(TensorInfo._fields.index, ("dtype", "shape", "nbytes")))
