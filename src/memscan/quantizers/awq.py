"""AWQ of 4 bits in groups of 128, in the GEMM layout with zero points: what AutoAWQ writes and `AwqConfig()` loads.

What is replaced: `torch.nn.Linear` and what inherits from it inside the decoder blocks
(https://github.com/casper-hansen/AutoAWQ/blob/v0.2.9/awq/quantize/quantizer.py), except transformers' default skips, which it
adds to those of the checkpoint
(https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/quantizers/quantizer_awq.py). Routed experts are
parameters in transformers 5 and stay as they are.

Bytes: https://github.com/casper-hansen/AutoAWQ/blob/v0.2.9/awq/modules/linear/gemm.py: qweight I32 [in, out / 8], qzeros I32
[in / 128, out / 8], scales F16 [in / 128, out]; `in` has to fill groups and `out` words. The bias of a replaced module is held in
float16, and with a bfloat16 checkpoint all the rest is too, on a GPU (`update_dtype`); float32 stays.
"""

from dataclasses import dataclass

from memscan.quantizers.base import Dense, Quantized
from memscan.quantizers.blocks import NONE, block_prefix
from memscan.quantizers.experts import experts
from memscan.quantizers.layers import Layer, layers
from memscan.quantizers.owners import LINEARS, assumption
from memscan.quantizers.remarks import left_experts, nothing, refused, sentence
from memscan.quantizers.skips import default_skips, last_assumed
from memscan.quantizers.taken import BFLOAT16, Taken, biases, half

GROUP = 128
PER_WORD = 8  # values of 4 bits in an int32
TAKES = "inputs in whole groups of 128, outputs in words of 8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Awq:
    """AWQ of 4 bits in groups of 128."""

    name: str

    def quantize(self, dense: Dense) -> Quantized:
        """The bytes of every tensor of `dense` once quantized."""
        prefix, skips = block_prefix(dense), default_skips(dense)
        chosen = [] if prefix is None else [
            layer for layer in layers(dense)
            if layer.owner in LINEARS and layer.module.startswith(prefix) and not skips.covers(layer.module)
        ]  # fmt: skip
        fitting = [layer for layer in chosen if fits(layer)]
        cast = {weight.name: half(weight) for weight in dense.weights if weight.dtype.name in BFLOAT16}
        cast |= {bias.name: half(bias) for bias in biases(dense, {layer.module for layer in fitting})}
        taken = Taken(packed={layer.name: awq(layer) for layer in fitting}, cast=cast)
        unfit = [layer for layer in chosen if not fits(layer)]
        return Quantized(
            tensors=taken.tensors(dense, self.name),
            assumed=sentence(assumption(dense), last_assumed(dense)),
            note=NONE if prefix is None else sentence(nothing(chosen), refused(unfit, TAKES), left_experts(experts(dense))),
        )


def fits(layer: Layer) -> bool:
    """Whether the layout holds a weight of this shape."""
    return layer.columns % GROUP == 0 and layer.rows % PER_WORD == 0


def awq(layer: Layer) -> int:
    """Bytes of a weight with its zero points and scales."""
    groups, words = layer.columns // GROUP, layer.rows // PER_WORD
    return 4 * words * (layer.columns + groups) + 2 * groups * layer.rows


QUANTIZERS = (Awq(name="awq-4bit-g128"),)
