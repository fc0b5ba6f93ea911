r"""The formats of compressed-tensors, as llm-compressor writes them with `targets="Linear"`.

- `int4-g128`: scheme W4A16, `pack-quantized`: symmetric 4 bits in groups of 128.
- `fp8`: scheme FP8_DYNAMIC, `float-quantized`: float8 e4m3 with one scale for each output channel.
- `nvfp4`: scheme NVFP4, `nvfp4-pack-quantized`. A ModelOpt checkpoint takes the same bytes under other names.
- `mxfp4`: scheme MXFP4, `mxfp4-pack-quantized` (`memscan.quantizers.mxfp4` says for which models).

What is replaced: `torch.nn.Linear` and what inherits from it, but `lm_head` and routers, which the recipes of llm-compressor
ignore (`ignore=["re:.*lm_head", "re:.*\.gate$", "re:.*shared_expert_gate$", "re:.*router$"]`); what is tied to an embedding is
taken to be ignored too. Routed experts are split into linear layers first, and quantized one by one
(https://github.com/vllm-project/llm-compressor/blob/0.14.0.1/src/llmcompressor/modeling/moe/linearize.py). These bytes are those
on disk and in vLLM; transformers makes such a checkpoint dense again on its first forward pass. Scales have the dtype of the
weight; everything else keeps the dtype of the checkpoint.

Bytes: https://github.com/vllm-project/compressed-tensors/tree/0.20.0/src/compressed_tensors/compressors. A weight whose input
does not fill whole groups is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass

from memscan.quantizers.base import Dense, Quantized
from memscan.quantizers.experts import Experts, experts
from memscan.quantizers.layers import Layer, layers
from memscan.quantizers.owners import LINEARS, assumption, is_router
from memscan.quantizers.remarks import nothing, refused, sentence
from memscan.quantizers.taken import Taken

IGNORED = "lm_head"
SHAPE = 2 * 8  # `weight_shape`: two int64
GLOBAL_SCALES = 2 * 4  # `weight_global_scale` and `input_global_scale`: one float32 each


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressedTensors:
    """One scheme of compressed-tensors."""

    name: str
    group: int
    """Values of the input to one scale; 1 where any number will do."""
    size: Callable[[int, int, int], int]
    """Bytes of a matrix by rows, columns and the bytes of one of its elements."""

    def quantize(self, dense: Dense) -> Quantized:
        """The bytes of every tensor of `dense` once quantized."""
        chosen: list[Layer | Experts] = [
            layer
            for layer in layers(dense)
            if layer.owner in LINEARS and not layer.module.endswith(IGNORED) and not is_router(layer.module)
        ]
        chosen.extend(experts(dense))
        packed = {one.name: one.matrices * self.size(one.rows, one.columns, one.itemsize) for one in chosen if self._fits(one)}
        unfit = [one for one in chosen if not self._fits(one)]
        return Quantized(
            tensors=Taken(packed=packed).tensors(dense, self.name),
            assumed=assumption(dense),
            note=sentence(nothing(chosen), refused(unfit, f"inputs in whole groups of {self.group}")),
        )

    def _fits(self, one: Layer | Experts) -> bool:
        return one.columns % self.group == 0


def int4(rows: int, columns: int, itemsize: int) -> int:
    """`weight_packed` I32, `weight_scale` and `weight_shape`."""
    return rows * (-(-columns // 8) * 4 + columns // 128 * itemsize) + SHAPE


def fp8(rows: int, columns: int, itemsize: int) -> int:
    """`weight` F8_E4M3 and `weight_scale`."""
    return rows * (columns + itemsize)


def nvfp4(rows: int, columns: int, _: int) -> int:
    """`weight_packed` U8, `weight_scale` F8_E4M3 and the global scales."""
    return rows * (columns // 2 + columns // 16) + GLOBAL_SCALES


def mxfp4(rows: int, columns: int, _: int) -> int:
    """`weight_packed` U8 and `weight_scale` U8."""
    return rows * (columns // 2 + columns // 32)


QUANTIZERS = (
    CompressedTensors(name="int4-g128", group=128, size=int4),
    CompressedTensors(name="fp8", group=1, size=fp8),
    CompressedTensors(name="nvfp4", group=16, size=nvfp4),
)
MXFP4_PACKED = CompressedTensors(name="mxfp4", group=32, size=mxfp4)
