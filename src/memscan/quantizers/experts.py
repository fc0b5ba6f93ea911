"""The routed experts of a dense model: one parameter for all of them, as transformers 5 holds them, or one for each.

transformers 5 fuses the experts of a layer: `experts.gate_up_proj` is [experts, 2 * intermediate, hidden], `experts.down_proj`
[experts, hidden, intermediate] (https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/integrations/moe.py);
a few models hold them transposed. They are no linear layers: what swaps modules of `torch.nn.Linear` leaves them as they are.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from memscan.dtype import Kind
from memscan.quantizers.base import Dense, Weight
from memscan.quantizers.layers import itemsize
from memscan.quantizers.owners import LINEARS, is_expert

FUSED = {"gate_up_proj": 2, "up_proj": 1, "down_proj": 1}
"""The fused parameters, and how many matrices of an expert stand in each."""
SINGLE: Mapping[str, str | None] = {
    "gate_proj": "up_proj", "up_proj": "gate_proj", "w1": "w3", "w3": "w1", "down_proj": None, "w2": None,
}  # fmt: skip
"""The matrices of one expert, and which other one transformers fuses each with."""
FIRST = frozenset({"gate_up_proj", "gate_proj", "w1"})
TRANSPOSED = frozenset({"aria", "aria_text", "gpt_oss", "llama4", "llama4_text", "openai_privacy_filter"})
"""Model types whose experts are [experts, in, out]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experts:
    """One parameter of routed experts."""

    name: str
    module: str
    """The dotted name of the module of all experts of its layer."""
    count: int
    """How many experts stand in it."""
    parts: int
    """How many matrices of each expert stand in it, one above the other."""
    rows: int
    """Output features of one matrix."""
    columns: int
    """Input features of one matrix."""
    paired: bool
    """Whether gate and up of an expert share one parameter once loaded."""
    first: bool
    """Whether it stands before the other of the pair."""
    itemsize: int
    """Bytes of an element of the weight as it is held; 2 where that is less."""

    @property
    def matrices(self) -> int:
        """How many matrices of (rows, columns) stand in it."""
        return self.count * self.parts


def experts(dense: Dense) -> Iterator[Experts]:
    """The parameters of routed experts of `dense`."""
    turned, names = dense.model_type in TRANSPOSED, {weight.name for weight in dense.weights if "experts." in weight.name}
    for weight in dense.weights:
        found = _experts(weight, names, turned=turned) if "experts." in weight.name else None
        if found is not None:
            yield found


def _experts(weight: Weight, names: Collection[str], *, turned: bool) -> Experts | None:
    if weight.dtype.kind is not Kind.FLOAT or weight.buffer or not weight.nbytes or 0 in weight.shape:
        return None
    module, _, leaf = weight.name.rpartition(".")
    if len(weight.shape) == 3 and leaf in FUSED and module.rpartition(".")[2] == "experts":
        return _fused(weight, module, FUSED[leaf], turned=turned)
    if len(weight.shape) == 2 and leaf == "weight" and weight.module not in LINEARS and is_expert(module):
        return _single(weight, module, names)
    return None


def _fused(weight: Weight, module: str, parts: int, *, turned: bool) -> Experts | None:
    count, rows, columns = weight.shape
    if turned:
        rows, columns = columns, rows
    if rows % parts:
        return None
    return Experts(
        name=weight.name, module=module, count=count, parts=parts, rows=rows // parts, columns=columns, paired=parts == 2,
        first=True, itemsize=itemsize(weight),
    )  # fmt: skip


def _single(weight: Weight, module: str, names: Collection[str]) -> Experts | None:
    above, _, leaf = module.rpartition(".")
    if leaf not in SINGLE:
        return None
    partner = SINGLE[leaf]
    rows, columns = weight.shape
    return Experts(
        name=weight.name, module=above.rpartition(".")[0], count=1, parts=1, rows=rows, columns=columns,
        paired=partner is not None and f"{above}.{partner}.weight" in names, first=leaf in FIRST, itemsize=itemsize(weight),
    )  # fmt: skip
