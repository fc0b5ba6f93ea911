"""GPTQ of 4 bits in groups of 128: `GPTQConfig(bits=4, group_size=128)`.

What is replaced: modules whose class is exactly `torch.nn.Linear`, and `Conv1D`, inside the decoder blocks
(https://github.com/huggingface/optimum/blob/v2.3.0/optimum/gptq/quantizer.py, `convert_model`). The output layer, embeddings and
encoders of images stay as they are, and so do routed experts, which are parameters in transformers 5.

Bytes: https://github.com/ModelCloud/GPTQModel/blob/v7.7.0/gptqmodel/nn_modules/qlinear/__init__.py (`_register_gptq_buffers`):
qweight I32 [ceil(in / 8), out], qzeros I32 [groups, ceil(out / 8)], scales F16 [groups, out], g_idx I32 [in]; the bias of a
replaced module is held in float16. Everything else keeps the dtype of the checkpoint.
"""

from dataclasses import dataclass

from memscan.quantizers.base import Dense, Quantized
from memscan.quantizers.blocks import NONE, block_prefix
from memscan.quantizers.experts import experts
from memscan.quantizers.layers import Layer, layers
from memscan.quantizers.owners import CONV1D, LINEAR, assumption
from memscan.quantizers.remarks import left_experts, nothing, sentence
from memscan.quantizers.taken import Taken, biases, half

GROUP = 128
PER_WORD = 8  # values of 4 bits in an int32


@dataclass(frozen=True, slots=True, kw_only=True)
class Gptq:
    """GPTQ of 4 bits in groups of 128."""

    name: str

    def quantize(self, dense: Dense) -> Quantized:
        """The bytes of every tensor of `dense` once quantized."""
        prefix = block_prefix(dense)
        chosen = [] if prefix is None else [
            layer for layer in layers(dense) if layer.owner in (LINEAR, CONV1D) and layer.module.startswith(prefix)
        ]  # fmt: skip
        modules = {layer.module for layer in chosen}
        cast = {bias.name: half(bias) for bias in biases(dense, modules)}
        taken = Taken(packed={layer.name: gptq(layer) for layer in chosen}, cast=cast)
        return Quantized(
            tensors=taken.tensors(dense, self.name),
            assumed=assumption(dense),
            note=NONE if prefix is None else sentence(nothing(chosen), left_experts(experts(dense))),
        )


def gptq(layer: Layer) -> int:
    """Bytes of a weight with its zero points, scales and group indices."""
    groups = -(-layer.columns // GROUP)
    weights = -(-layer.columns // PER_WORD) * layer.rows
    zeros = groups * -(-layer.rows // PER_WORD)
    return 4 * (weights + zeros + layer.columns) + 2 * groups * layer.rows


QUANTIZERS = (Gptq(name="gptq-4bit-g128"),)
