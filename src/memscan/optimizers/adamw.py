"""AdamW of torch: two moments in the dtype of the parameter, and the number of the step.

`Adam._init_group` and `_multi_tensor_adam` in https://github.com/pytorch/pytorch/blob/v2.13.0/torch/optim/adam.py; which kernels
run: `_default_to_fused_or_foreach` in optimizer.py beside it, and `TrainingArguments.default_optim` in
https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from memscan.item import Basis, Item
from memscan.optimizers.base import FLOAT32, State, Trained

STEP_LINE = "optimizer step"
"""The line of what a step holds for a while."""
FUSED = (
    "Trainer asks for torch's fused kernels, which need nothing; torch.optim.AdamW by itself runs the foreach kernels on a GPU, "
    "which hold a copy of the second moment of every parameter"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamW:
    """AdamW without amsgrad."""

    name: str = "adamw"
    source: str = "torch 2.13 torch/optim/adam.py, AdamW"

    def kept(self, parameter: Trained) -> tuple[State, ...]:
        """Both moments, and the step in float32: on the device with the fused kernels, else on the host."""
        return (
            State(name="step", elements=1, itemsize=FLOAT32),
            State(name="exp_avg", elements=parameter.elements, itemsize=parameter.itemsize),
            State(name="exp_avg_sq", elements=parameter.elements, itemsize=parameter.itemsize),
        )

    def step(self, parameters: Sequence[Trained]) -> Item:
        """Nothing with the fused kernels, and up to `foreach` with the others."""
        return Item(
            name=STEP_LINE, nbytes=0, basis=Basis.ASSUMED, note=FUSED, source=self.source, least=0, most=foreach(parameters),
            formula="0 with fused=True, the bytes of exp_avg_sq with foreach=True",
        )  # fmt: skip

    def notes(self, parameters: Sequence[Trained]) -> tuple[str, ...]:  # noqa: ARG002 -- of other optimizers it depends on them
        """None."""
        return ()


def foreach(parameters: Sequence[Trained]) -> int:
    """Bytes that the foreach kernels hold at most: the square roots of all second moments of one dtype.

    The dtypes follow one another, and the roots of one are let go when those of the next have been made.
    """
    sizes: dict[str, int] = {}
    for parameter in parameters:
        sizes[parameter.dtype.name] = sizes.get(parameter.dtype.name, 0) + parameter.nbytes
    return max((before + size for before, size in pairwise((0, *sizes.values()))), default=0)
