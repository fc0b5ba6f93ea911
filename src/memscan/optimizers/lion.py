"""Lion of bitsandbytes in 32 bits, as transformers' Trainer makes it (`lion_32bit`): one moment in float32.

`Optimizer1State.init_state` in https://github.com/bitsandbytes-foundation/bitsandbytes/blob/0.50.2/bitsandbytes/optim/optimizer.py.
The moment is of float32 whatever the dtype of the parameter; torch has no Lion.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from memscan.item import Basis, Item
from memscan.optimizers.adamw import STEP_LINE
from memscan.optimizers.base import FLOAT32, State, Trained


@dataclass(frozen=True, slots=True, kw_only=True)
class Lion:
    """Lion with a moment of 32 bits."""

    name: str = "lion"
    source: str = (
        "bitsandbytes 0.50.2 bitsandbytes/optim/optimizer.py, Lion(optim_bits=32), as transformers 5.23's Trainer makes it"
    )

    def kept(self, parameter: Trained) -> tuple[State, ...]:
        """The moment."""
        return (State(name="state1", elements=parameter.elements, itemsize=FLOAT32),)

    def step(self, parameters: Sequence[Trained]) -> Item:  # noqa: ARG002 -- of other optimizers it depends on them
        """Nothing: one kernel reads and writes in place."""
        return Item(name=STEP_LINE, nbytes=0, basis=Basis.DERIVED, note="its kernels work in place", source=self.source)

    def notes(self, parameters: Sequence[Trained]) -> tuple[str, ...]:  # noqa: ARG002 -- of other optimizers it depends on them
        """None."""
        return ()
