"""What holds for all tensors of a pattern, worked out for the first of them."""

from collections.abc import Sequence

from memscan.architecture import Expected
from memscan.dtype import DType
from memscan.tensor import TensorInfo


class Place:
    """The place of a pattern in a class."""

    def __init__(self, expected: Expected | None, bounds: Sequence[tuple[str, int]]) -> None:
        self.expected = expected
        self.bounds = bounds
        """What the number behind a prefix has to be below."""
        self.buffer = None if expected is None else expected.kind != "p"
        self.held: dict[DType, DType] = {}
        """By the dtype that is stored."""
        self.taken: list[TensorInfo] = []
