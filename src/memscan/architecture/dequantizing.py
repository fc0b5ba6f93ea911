"""Which methods transformers gives up without being asked: the stored bytes are then not the bytes in memory.

Read in transformers 5.23.0, `validate_environment` and `__init__` of the classes in
https://github.com/huggingface/transformers/tree/main/src/transformers/quantizers.
"""

from collections.abc import Mapping

_FP8 = (
    "transformers 5.23 dequantizes to bfloat16 on loading where no GPU (compute capability 8.9 or higher) or XPU is there: "
    "FineGrainedFP8HfQuantizer"
)
_PACKED = (
    "transformers 5.23 loads the weights compressed and decompresses them to dense ones at the first forward pass, except FP8 "
    "with use_optimized_inference: CompressedTensorsHfQuantizer"
)
_MXFP4 = (
    "transformers 5.23 dequantizes to bfloat16 on loading where no fitting accelerator (compute capability 7.5 or higher, XPU), "
    "no Triton 3.4 or no kernels package is there, and on a CPU without use_kernels: Mxfp4HfQuantizer"
)
_METAL = "transformers 5.23 dequantizes to the dense dtype on loading where no Apple GPU (MPS) is there: MetalHfQuantizer"

DEQUANTIZES: Mapping[str, str] = {
    "fp8": _FP8,
    "mxfp8": _FP8,
    "compressed-tensors": _PACKED,
    "mxfp4": _MXFP4,
    "metal": _METAL,
}
"""When the weights of a method are held dense, by `quant_method`."""
