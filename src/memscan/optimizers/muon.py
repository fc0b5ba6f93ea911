"""Muon of torch for hidden matrices, and AdamW of torch for all else.

`torch.optim.Muon` refuses what has not two dimensions, and its documentation leaves embeddings and biases to AdamW; that the
output head goes with them: https://kellerjordan.github.io/posts/muon/. transformers' Trainer has no name for it: who trains with
it makes both optimizers. https://github.com/pytorch/pytorch/blob/v2.13.0/torch/optim/_muon.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from memscan.item import Basis, Item
from memscan.optimizers.adamw import STEP_LINE, AdamW, foreach
from memscan.optimizers.base import HALF, MATRIX, State, Trained

SPLIT = "Muon has {muon:,} parameters in {matrices:,} hidden matrices, AdamW the other {adamw:,} in {others:,} tensors"
STACKED = (
    "{count:,} tensors of more than two dimensions are AdamW's: torch.optim.Muon takes matrices alone, not experts in one tensor"
)
ORTHOGONAL = "the largest matrix while it is made orthogonal; AdamW's foreach kernels may need more for what is theirs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Muon:
    """Muon, with AdamW beside it."""

    name: str = "muon"
    source: str = "torch 2.13 torch/optim/_muon.py, Muon, and torch/optim/adam.py, AdamW, for what is no hidden matrix"
    adamw: AdamW = field(default_factory=AdamW)

    def kept(self, parameter: Trained) -> tuple[State, ...]:
        """One momentum in the dtype of the gradient for a hidden matrix, AdamW's states for all else."""
        if not _takes(parameter):
            return self.adamw.kept(parameter)
        return (State(name="momentum_buffer", elements=parameter.elements, itemsize=parameter.itemsize),)

    def step(self, parameters: Sequence[Trained]) -> Item:
        """The largest matrix while it is made orthogonal, and up to what AdamW's foreach kernels take."""
        largest = max([_orthogonal(parameter) for parameter in parameters if _takes(parameter)], default=0)
        others = foreach([parameter for parameter in parameters if not _takes(parameter)])
        return Item(
            name=STEP_LINE, nbytes=largest, basis=Basis.ASSUMED, note=ORTHOGONAL, source=self.source, least=largest,
            most=max(largest, others),
        )  # fmt: skip

    def notes(self, parameters: Sequence[Trained]) -> tuple[str, ...]:
        """The split."""
        taken = [parameter.elements for parameter in parameters if _takes(parameter)]
        others = [parameter.elements for parameter in parameters if not _takes(parameter)]
        split = SPLIT.format(muon=sum(taken), matrices=len(taken), adamw=sum(others), others=len(others))
        stacked = sum(len(parameter.shape) > MATRIX for parameter in parameters)
        return (split, STACKED.format(count=stacked)) if stacked else (split,)


def _takes(parameter: Trained) -> bool:
    return parameter.hidden and len(parameter.shape) == MATRIX


def _orthogonal(parameter: Trained) -> int:
    """Bytes of `_zeropower_via_newtonschulz`: the update, the matrix before and after an iteration, and two Gram matrices.

    All but the update are of bfloat16.
    """
    side = min(parameter.shape)
    return parameter.elements * parameter.itemsize + HALF * (2 * parameter.elements + 2 * side * side)
