"""MXFP4: values of 4 bits with one power of two for each 32.

For gpt-oss it is what transformers makes of the experts, and of nothing else (`Mxfp4Config`): two values a byte, one byte of
scale for each 32 along the input, and the experts' biases in float32. The kernels may pad what they lay out anew on the GPU; that
is not counted.
https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/integrations/mxfp4.py (`Mxfp4GptOssExperts`)

transformers makes MXFP4 of no other model. For those it is `mxfp4-pack-quantized` of compressed-tensors, the format that
llm-compressor writes with the scheme MXFP4.
"""

from dataclasses import dataclass

from memscan.dtype import Kind
from memscan.quantizers.base import Dense, Quantized
from memscan.quantizers.compressed_tensors import MXFP4_PACKED
from memscan.quantizers.compressed_tensors import mxfp4 as packed_nbytes
from memscan.quantizers.experts import experts
from memscan.quantizers.remarks import refused
from memscan.quantizers.taken import Taken, single

GPT_OSS = "gpt_oss"
GROUP = 32
BIASES = (".experts.gate_up_proj_bias", ".experts.down_proj_bias")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mxfp4:
    """MXFP4 of transformers for gpt-oss, of compressed-tensors for the others."""

    name: str

    def quantize(self, dense: Dense) -> Quantized:
        """The bytes of every tensor of `dense` once quantized."""
        return self._gpt_oss(dense) if dense.model_type == GPT_OSS else MXFP4_PACKED.quantize(dense)

    def _gpt_oss(self, dense: Dense) -> Quantized:
        found = tuple(experts(dense))
        packed = {
            one.name: one.matrices * packed_nbytes(one.rows, one.columns, one.itemsize)
            for one in found
            if one.columns % GROUP == 0
        }
        cast = {
            weight.name: single(weight)
            for weight in dense.weights
            if weight.name.endswith(BIASES) and weight.dtype.kind is Kind.FLOAT
        }
        unfit = [one for one in found if one.name not in packed]
        return Quantized(
            tensors=Taken(packed=packed, cast=cast).tensors(dense, self.name),
            note=refused(unfit, f"inputs in whole groups of {GROUP}"),
        )


QUANTIZERS = (Mxfp4(name=MXFP4_PACKED.name),)
