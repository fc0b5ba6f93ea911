"""The linear layers of a dense model: the matrices that a method may take."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from memscan.dtype import Kind
from memscan.quantizers.base import Dense, Weight
from memscan.quantizers.owners import CONV1D, LINEARS, owner

NARROWEST = 2  # float16


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One linear layer, by its weight."""

    name: str
    """Of the weight."""
    module: str
    """The dotted name of the module."""
    owner: str
    """The module's class."""
    rows: int
    """Output features."""
    columns: int
    """Input features."""
    itemsize: int
    """Bytes of an element of the weight as it is held; 2 where that is less, as no method scales in a narrower dtype."""

    matrices: ClassVar[int] = 1

    @property
    def elements(self) -> int:
        """Of the weight."""
        return self.rows * self.columns


def itemsize(weight: Weight) -> int:
    """Bytes of an element of `weight`, and no less than 2."""
    return max(weight.dtype.block_bytes // weight.dtype.block, NARROWEST)


def layers(dense: Dense) -> Iterator[Layer]:
    """The linear layers of `dense`, of all classes that inherit from `torch.nn.Linear`, and `Conv1D`."""
    for weight in dense.weights:
        if len(weight.shape) != 2 or weight.dtype.kind is not Kind.FLOAT or weight.buffer:
            continue
        module, _, leaf = weight.name.rpartition(".")
        if leaf != "weight" or not weight.nbytes or 0 in weight.shape:
            continue
        cls = owner(weight, dense.model_type)
        if cls in LINEARS:
            yield _layer(weight, module, cls, weight.shape)
        elif cls == CONV1D:
            yield _layer(weight, module, cls, weight.shape[::-1])


def _layer(weight: Weight, module: str, cls: str, shape: tuple[int, ...]) -> Layer:
    rows, columns = shape
    return Layer(name=weight.name, module=module, owner=cls, rows=rows, columns=columns, itemsize=itemsize(weight))
