"""AdamW of torchao in 4 bits, as transformers' Trainer makes it (`adamw_torch_4bit`).

Both moments take half a byte a value, a scale in float32 for each block and a map of 16 values for each tensor. A parameter of
fewer than 4,096 values, or that blocks do not divide, keeps them in its own dtype. `_AdamBase._new_buffer` in
https://github.com/pytorch/ao/blob/v0.18.0/torchao/optim/adam.py and `OptimState4bit.zeros` in subclass_4bit.py beside it.

The block is 128 by default in torchao; Trainer asks for 256: `_get_torchao_optimizer` in
https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer_optimizer.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from memscan.item import Basis, Item
from memscan.optimizers.adamw import STEP_LINE
from memscan.optimizers.base import FLOAT32, State, Trained

SMALLEST = 4096
MAP = 16
COMPILED = (
    "torch.compile makes the kernels of the step, parameter by parameter; what they hold for a while depends on what it fuses, "
    "and is some copies of the largest parameter in float32"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamW4bit:
    """AdamW with block-wise 4-bit moments."""

    name: str = "adamw-4bit"
    source: str = "torchao 0.18 torchao/optim/adam.py, AdamW4bit, with the block of 256 of transformers 5.23's Trainer"
    block: int = 256
    """Values to one scale."""

    def kept(self, parameter: Trained) -> tuple[State, ...]:
        """Two moments with their scales and maps, and the step."""
        return (
            State(name="step", elements=1, itemsize=FLOAT32),
            *self._moment("exp_avg", parameter),
            *self._moment("exp_avg_sq", parameter),
        )

    def _moment(self, name: str, parameter: Trained) -> tuple[State, ...]:
        elements = parameter.elements
        if not self._packs(parameter):
            return (State(name=name, elements=elements, itemsize=parameter.itemsize),)
        return (
            State(name=f"{name} codes", elements=elements // 2, itemsize=1),
            State(name=f"{name} scale", elements=elements // self.block, itemsize=FLOAT32),
            State(name=f"{name} qmap", elements=MAP, itemsize=FLOAT32),
        )

    def _packs(self, parameter: Trained) -> bool:
        return parameter.elements >= SMALLEST and parameter.elements % self.block == 0

    def step(self, parameters: Sequence[Trained]) -> Item:  # noqa: ARG002 -- of other optimizers it depends on them
        """Not known."""
        return Item(name=STEP_LINE, nbytes=None, basis=Basis.UNKNOWN, note=COMPILED, source=self.source)

    def notes(self, parameters: Sequence[Trained]) -> tuple[str, ...]:
        """Which large parameters are not in 4 bits."""
        left = [parameter for parameter in parameters if parameter.elements >= SMALLEST and not self._packs(parameter)]
        if not left:
            return ()
        count = f"{len(left):,} parameters of {SMALLEST:,} values or more, {left[0].name} the first"
        return (f"{count}, keep both moments in their own dtype: blocks of {self.block} do not divide them",)
