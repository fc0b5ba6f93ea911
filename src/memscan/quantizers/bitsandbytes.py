"""bitsandbytes on load: `BitsAndBytesConfig(load_in_8bit=True)`, and `load_in_4bit=True` with NF4, without and with double
quantization.

What is replaced: modules whose class is exactly `torch.nn.Linear`, and `Conv1D`, except the default skips. Routed experts are
parameters in transformers 5 and stay as they are.
https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/integrations/bitsandbytes.py
(`replace_with_bnb_linear`).

Bytes: https://github.com/bitsandbytes-foundation/bitsandbytes/blob/0.50.2/bitsandbytes/functional.py (`int8_vectorwise_quant`,
`quantize_4bit`, `QuantState`). Everything else keeps the dtype that the checkpoint is loaded in.
"""

from collections.abc import Callable
from dataclasses import dataclass

from memscan.quantizers.base import Dense, Quantized
from memscan.quantizers.experts import experts
from memscan.quantizers.layers import Layer, layers
from memscan.quantizers.owners import CONV1D, LINEAR, assumption
from memscan.quantizers.remarks import left_experts, nothing, sentence
from memscan.quantizers.skips import default_skips, last_assumed
from memscan.quantizers.taken import Taken

BLOCK = 64  # values to one maximum
NESTED = 256  # maxima to one nested maximum, where these are quantized too
CODE = 16 * 4  # the 16 values of NF4, in float32
NESTED_CODE = 256 * 4
OFFSET = 4  # the mean of the maxima, in float32

SHARED = "the 1,024-byte map of the nested maxima is counted for each weight, as it is saved; weights quantized on load share one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bitsandbytes:
    """One setting of bitsandbytes."""

    name: str
    size: Callable[[Layer], int]
    """Bytes of a weight and its state."""
    remark: str | None = None

    def quantize(self, dense: Dense) -> Quantized:
        """The bytes of every tensor of `dense` once quantized."""
        skips = default_skips(dense)
        packed = {
            layer.name: self.size(layer)
            for layer in layers(dense)
            if layer.owner in (LINEAR, CONV1D) and not skips.covers(layer.module)
        }
        return Quantized(
            tensors=Taken(packed=packed).tensors(dense, self.name),
            assumed=sentence(assumption(dense), last_assumed(dense)),
            note=sentence(nothing(packed), self.remark if packed else None, left_experts(experts(dense))),
        )


def int8(layer: Layer) -> int:
    """One byte a value, and the maximum of each row in float32."""
    return layer.elements + 4 * layer.rows


def nf4(layer: Layer) -> int:
    """Two values a byte, the maximum of each 64 in float32, and the code."""
    return _packed(layer) + 4 * _blocks(layer) + CODE


def nf4_nested(layer: Layer) -> int:
    """As `nf4`, with maxima of one byte that have a maximum for each 256, a code and an offset of their own."""
    blocks = _blocks(layer)
    return _packed(layer) + blocks + 4 * -(-blocks // NESTED) + NESTED_CODE + OFFSET + CODE


def _packed(layer: Layer) -> int:
    return -(-layer.elements // 2)


def _blocks(layer: Layer) -> int:
    return -(-layer.elements // BLOCK)


QUANTIZERS = (
    Bitsandbytes(name="bnb-int8", size=int8),
    Bitsandbytes(name="bnb-nf4", size=nf4),
    Bitsandbytes(name="bnb-nf4-dq", size=nf4_nested, remark=SHARED),
)
