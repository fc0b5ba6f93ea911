"""Adafactor of transformers, as its Trainer makes it: rows and columns of the second moment, no first moment.

`Adafactor.step` in https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/optimization.py. It works in float32
where the gradient is of float16 or bfloat16. torch has an Adafactor of its own that keeps its states in the parameter's dtype:
this is not that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from memscan.item import Basis, Item
from memscan.optimizers.adamw import STEP_LINE
from memscan.optimizers.base import FLOAT32, MATRIX, State, Trained

ONE_BY_ONE = (
    "parameters are stepped one by one, matrices first; the update of the one before is held while the next is worked out"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adafactor:
    """Adafactor with `beta1=None`."""

    name: str = "adafactor"
    source: str = "transformers 5.23 src/transformers/optimization.py, Adafactor(scale_parameter=False, relative_step=False)"

    def kept(self, parameter: Trained) -> tuple[State, ...]:
        """A row and a column for the last two dimensions, the whole of a vector, and the root mean square of the parameter."""
        size = _itemsize(parameter)
        square = State(name="RMS", elements=1, itemsize=size)
        if len(parameter.shape) < MATRIX:
            return (State(name="exp_avg_sq", elements=parameter.elements, itemsize=size), square)
        *before, rows, columns = parameter.shape
        return (
            State(name="exp_avg_sq_row", elements=prod(before) * rows, itemsize=size),
            State(name="exp_avg_sq_col", elements=prod(before) * columns, itemsize=size),
            square,
        )

    def step(self, parameters: Sequence[Trained]) -> Item:
        """The most that one parameter takes, beside what the one before it has left behind; scalars are not counted."""
        most, left = 0, _Left()
        for parameter in sorted(parameters, key=lambda parameter: len(parameter.shape) < MATRIX):  # as Trainer groups them
            size = parameter.elements * _itemsize(parameter)
            copies = size if parameter.half else 0
            # The squared gradient before and after its addend, then the update before and after its factors.
            work = 2 * copies + 2 * size
            most = max(most, left.update + left.copy + copies, left.update + work, work + _factors(parameter))
            left = _Left(update=size, copy=copies)
        return Item(name=STEP_LINE, nbytes=most, basis=Basis.DERIVED, note=ONE_BY_ONE, source=self.source)

    def notes(self, parameters: Sequence[Trained]) -> tuple[str, ...]:  # noqa: ARG002 -- of other optimizers it depends on them
        """None."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Left:
    """What names of the loop in `Adafactor.step` hold of one parameter until the next one has its own, in bytes."""

    update: int = 0
    copy: int = 0
    """Of the parameter in float32, where it is of 2 bytes."""


def _itemsize(parameter: Trained) -> int:
    return FLOAT32 if parameter.half else parameter.itemsize


def _factors(parameter: Trained) -> int:
    """Bytes of the factors of rows and columns, from which the update is multiplied."""
    if len(parameter.shape) < MATRIX:
        return 0
    *before, rows, columns = parameter.shape
    return prod(before) * (rows + columns) * _itemsize(parameter)
