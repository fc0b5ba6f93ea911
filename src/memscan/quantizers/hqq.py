"""HQQ of 4 bits in groups of 64 along the input (`axis=1`, as transformers sets it).

transformers 5.23 loads no model with `HqqConfig` (`NotImplementedError`), so this is what hqq's own `quantize_model` makes, with
the checkpoint's dtype for computing (that of most layers, where they differ): modules whose class is exactly `torch.nn.Linear`,
except those called `lm_head`; other heads are quantized, and what is tied to an embedding is taken to be left alone. Routed
experts are parameters in transformers 5 and stay as they are.
https://github.com/mobiusml/hqq/blob/master/hqq/models/base.py (`_IGNORE_LINEAR`, `get_linear_tags_from_model`), hqq 0.2.8.

Bytes: https://github.com/mobiusml/hqq/blob/master/hqq/core/quantize.py: two values a byte, a scale and a zero point for each
group in the dtype of the model. The packing halves the list of groups, so that their number has to be even.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from memscan.quantizers.base import Dense, Quantized
from memscan.quantizers.experts import experts
from memscan.quantizers.layers import Layer, layers
from memscan.quantizers.owners import LINEAR, assumption
from memscan.quantizers.remarks import left_experts, nothing, refused, sentence
from memscan.quantizers.taken import Taken

GROUP = 64
IGNORED = "lm_head"
TAKES = "an even number of groups of 64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hqq:
    """HQQ of 4 bits in groups of 64."""

    name: str

    def quantize(self, dense: Dense) -> Quantized:
        """The bytes of every tensor of `dense` once quantized."""
        chosen = [layer for layer in layers(dense) if layer.owner == LINEAR and layer.module.rpartition(".")[2] != IGNORED]
        itemsize = computing(chosen)
        packed = {layer.name: hqq(layer, itemsize) for layer in chosen if fits(layer)}
        unfit = [layer for layer in chosen if not fits(layer)]
        return Quantized(
            tensors=Taken(packed=packed).tensors(dense, self.name),
            assumed=assumption(dense),
            note=sentence(nothing(chosen), refused(unfit, TAKES), left_experts(experts(dense))),
        )


def fits(layer: Layer) -> bool:
    """Whether the packing holds a weight of this shape."""
    return layer.elements % (2 * GROUP) == 0


def computing(chosen: Sequence[Layer]) -> int:
    """Bytes of an element of the dtype that most of the layers are held in: hqq computes, and scales, all of them in one."""
    most = Counter(layer.itemsize for layer in chosen).most_common(1)
    return most[0][0] if most else 0


def hqq(layer: Layer, itemsize: int) -> int:
    """Bytes of a weight with its scales and zero points, which are of `itemsize` each."""
    return layer.elements // 2 + 2 * itemsize * (layer.elements // GROUP)


QUANTIZERS = (Hqq(name="hqq-4bit-g64"),)
