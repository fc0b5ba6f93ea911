"""SGD of torch, without and with momentum.

`SGD._init_group` and `_multi_tensor_sgd` in https://github.com/pytorch/pytorch/blob/v2.13.0/torch/optim/sgd.py. Without weight
decay, as Trainer and torch have it by default, neither kernel makes a copy of the gradients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from memscan.item import Basis, Item
from memscan.optimizers.adamw import STEP_LINE
from memscan.optimizers.base import State, Trained

IN_PLACE = "its kernels work in place; with weight decay the foreach kernels of a GPU hold a copy of all gradients"


@dataclass(frozen=True, slots=True, kw_only=True)
class SGD:
    """SGD without weight decay."""

    name: str
    momentum: bool
    source: str = "torch 2.13 torch/optim/sgd.py, SGD"

    def kept(self, parameter: Trained) -> tuple[State, ...]:
        """The momentum in the dtype of the gradient, if there is momentum."""
        if not self.momentum:
            return ()
        return (State(name="momentum_buffer", elements=parameter.elements, itemsize=parameter.itemsize),)

    def step(self, parameters: Sequence[Trained]) -> Item:  # noqa: ARG002 -- of other optimizers it depends on them
        """Nothing."""
        return Item(name=STEP_LINE, nbytes=0, basis=Basis.DERIVED, note=IN_PLACE, source=self.source)

    def notes(self, parameters: Sequence[Trained]) -> tuple[str, ...]:  # noqa: ARG002 -- of other optimizers it depends on them
        """None."""
        return ()
