"""AdamW of bitsandbytes in 8 bits, as transformers' Trainer makes it (`adamw_8bit`, `adamw_bnb_8bit`).

Both moments take a byte a value and a maximum in float32 for each block of 256; parameters of fewer than 4,096 values keep them
in float32, whatever the dtype of the parameter. `Optimizer2State.init_state` in
https://github.com/bitsandbytes-foundation/bitsandbytes/blob/0.50.2/bitsandbytes/optim/optimizer.py. The step is a Python number,
and the two maps of 256 values are the same tensors for all parameters.

Trainer has bitsandbytes keep the weights of `torch.nn.Embedding` in float32: `Trainer.create_optimizer` in
https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from memscan.item import Basis, Item
from memscan.optimizers.adamw import STEP_LINE
from memscan.optimizers.base import FLOAT32, State, Trained

BLOCK = 256  # values to one maximum
SMALLEST = 4096  # `min_8bit_size`
MAP = 256  # values that a byte can stand for
EMBEDDINGS = "Trainer has bitsandbytes keep both moments of embeddings in float32: 8 bytes a parameter for {count:,} of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamW8bit:
    """AdamW with block-wise 8-bit moments."""

    name: str = "adamw-8bit"
    source: str = (
        "bitsandbytes 0.50.2 bitsandbytes/optim/optimizer.py, AdamW(optim_bits=8), as transformers 5.23's Trainer makes it"
    )

    def kept(self, parameter: Trained) -> tuple[State, ...]:
        """Two moments with their maxima and maps."""
        if parameter.elements < SMALLEST or parameter.embedding:
            return tuple([State(name=f"state{which}", elements=parameter.elements, itemsize=FLOAT32) for which in (1, 2)])
        blocks = -(-parameter.elements // BLOCK)
        return tuple([
            state
            for which in (1, 2)
            for state in (
                State(name=f"state{which}", elements=parameter.elements, itemsize=1),
                State(name=f"absmax{which}", elements=blocks, itemsize=FLOAT32),
                State(name=f"qmap{which}", elements=MAP, itemsize=FLOAT32, shared=True),
            )
        ])  # fmt: skip

    def step(self, parameters: Sequence[Trained]) -> Item:  # noqa: ARG002 -- of other optimizers it depends on them
        """Nothing: one kernel reads and writes in place."""
        return Item(name=STEP_LINE, nbytes=0, basis=Basis.DERIVED, note="its kernels work in place", source=self.source)

    def notes(self, parameters: Sequence[Trained]) -> tuple[str, ...]:
        """What is not in 8 bits."""
        count = sum(parameter.elements for parameter in parameters if parameter.embedding)
        return (EMBEDDINGS.format(count=count),) if count else ()
