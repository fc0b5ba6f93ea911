"""One tensor as a header describes it: name, dtype, shape and the bytes that the file keeps for it."""

from math import prod
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
