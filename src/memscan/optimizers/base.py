"""What an optimizer is: parameters that are trained in, the tensors that it keeps for each out."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Protocol

from memscan.dtype import DType, Kind
from memscan.item import Item

FLOAT32 = 4
"""Bytes of one element of float32."""
HALF = 2
"""Bytes of one element of float16 or bfloat16."""
MATRIX = 2
"""Dimensions of a matrix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """One parameter that has a gradient."""

    name: str
    """The dotted name."""
    shape: tuple[int, ...]
    dtype: DType
    """What the optimizer sees: that of the parameter it steps, float32 where it steps a master copy."""
    embedding: bool = False
    """Whether it is the weight of a `torch.nn.Embedding`, one that an output head is tied to included."""
    hidden_matrix: bool | None = None
    """Whether it is a matrix between embedding and head; None: judged by its dimensions and by `embedding`."""

    @property
    def elements(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    @property
    def itemsize(self) -> int:
        """Bytes of one number."""
        return self.dtype.block_bytes // self.dtype.block

    @property
    def nbytes(self) -> int:
        """Bytes of the parameter, and of its gradient, which has its dtype."""
        return self.dtype.packed_nbytes(self.elements)

    @property
    def hidden(self) -> bool:
        """Whether it is a hidden matrix."""
        if self.hidden_matrix is not None:
            return self.hidden_matrix
        return len(self.shape) == MATRIX and not self.embedding

    @property
    def half(self) -> bool:
        """Whether it is of float16 or bfloat16."""
        return self.dtype.kind is Kind.FLOAT and self.itemsize == HALF


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One tensor that an optimizer keeps."""

    name: str
    """As the library spells it: `exp_avg`, `momentum_buffer`, `absmax1` ..."""
    elements: int
    """Of the tensor as it is stored: a byte that holds two values of 4 bits is one."""
    itemsize: int
    """Bytes of one element."""
    shared: bool = False
    """Whether one such tensor serves all parameters of a device, so that it is counted once."""

    @property
    def nbytes(self) -> int:
        """Bytes of its elements."""
        return self.elements * self.itemsize


class Optimizer(Protocol):
    """One optimizer with the settings that its library gives it by default."""

    @property
    def name(self) -> str:
        """What `--optimizer` takes."""

    @property
    def source(self) -> str:
        """The class whose rule it is, with library and version."""

    def kept(self, parameter: Trained) -> tuple[State, ...]:
        """The tensors of `parameter` between two steps."""

    def step(self, parameters: Sequence[Trained]) -> Item:
        """What a step over `parameters`, in this order, holds for a while besides weights, gradients and states."""

    def notes(self, parameters: Sequence[Trained]) -> tuple[str, ...]:
        """What a reader should know of its work on `parameters`, as sentences without a full stop."""
