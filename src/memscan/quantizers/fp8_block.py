"""FP8 in blocks of [128, 128] on load: `FineGrainedFP8Config()`, DeepSeek's format.

What is replaced: modules whose class is exactly `torch.nn.Linear`, grouped linear layers, and whatever is called `.experts`,
except the default skips. Bytes: float8 e4m3, and `weight_scale_inv` F32 [ceil(out / 128), ceil(in / 128)]. transformers quantizes
on load only what fills whole blocks; another weight stays in the dtype of the checkpoint, beside scales that nothing fills. (A
checkpoint that is stored in FP8 already may have blocks that are cut off at the edge.) Everything else keeps its dtype. Without a
GPU of compute capability 8.9 there is no quantizing on load.
https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/integrations/finegrained_fp8.py
(`replace_with_fp8_linear`, `FP8Linear`, `FP8Experts`, `Fp8Quantize`)
"""

from collections.abc import Iterator
from dataclasses import dataclass

from memscan.quantizers.base import Dense, Quantized
from memscan.quantizers.experts import experts
from memscan.quantizers.layers import layers
from memscan.quantizers.owners import LINEAR, assumption
from memscan.quantizers.remarks import nothing, refused, sentence
from memscan.quantizers.skips import default_skips, last_assumed
from memscan.quantizers.taken import Taken

BLOCK = 128
SCALE = 4  # float32
GROUPED = "DeepseekV4GroupedLinear"
TAKES = "whole blocks of [128, 128]"
BIASES = (".experts.gate_up_proj_bias", ".experts.down_proj_bias")
BIASED = "transformers refuses a model whose experts have biases, so nothing of it is quantized"

_Replaced = tuple[str, int, int, bool]
"""A weight's name, its bytes in FP8, those of its scales, and whether it fills whole blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fp8Block:
    """FP8 in blocks of [128, 128]."""

    name: str

    def quantize(self, dense: Dense) -> Quantized:
        """The bytes of every tensor of `dense` once quantized."""
        if any(weight.name.endswith(BIASES) for weight in dense.weights):
            return Quantized(tensors=Taken(packed={}).tensors(dense, self.name), note=BIASED)
        found = (*_replaced(dense), *_experts(dense))
        whole = {name: nbytes + scales for name, nbytes, scales, fills in found if fills}
        others = {name: scales for name, _, scales, fills in found if not fills}
        return Quantized(
            tensors=Taken(packed=whole, extra=others).tensors(dense, self.name),
            assumed=sentence(assumption(dense), last_assumed(dense)),
            note=sentence(nothing(found), refused(others, TAKES)),
        )


def _replaced(dense: Dense) -> Iterator[_Replaced]:
    skips = default_skips(dense)
    for layer in layers(dense):
        if layer.owner in (LINEAR, GROUPED) and not skips.covers(layer.module):
            yield layer.name, layer.elements, SCALE * _blocks(layer.rows, layer.columns), _fills(layer.rows, layer.columns)


def _experts(dense: Dense) -> Iterator[_Replaced]:
    skips = default_skips(dense)
    for one in experts(dense):
        if skips.covers(one.module):
            continue
        rows = 2 * one.rows if one.paired else one.rows
        fills = _fills(rows, one.columns)
        scales = _blocks(rows, one.columns) if fills or not one.paired else _blocks(max(rows, BLOCK + 1), one.columns)
        if one.paired and one.parts == 1:  # one of two that are fused on load: the first has the odd block
            scales = -(-scales // 2) if one.first else scales // 2
        yield one.name, one.matrices * one.rows * one.columns, SCALE * one.count * scales, fills


def _fills(rows: int, columns: int) -> bool:
    return rows % BLOCK == 0 and columns % BLOCK == 0


def _blocks(rows: int, columns: int) -> int:
    return -(-rows // BLOCK) * -(-columns // BLOCK)


QUANTIZERS = (Fp8Block(name="fp8-block"),)
