"""Weights under their own name, with scales beside them: FP8, FBGEMM, ModelOpt (FP8, NVFP4, AWQ), and experts in four-bit floats.

A weight of whole bytes (F8, or I8 with a scale for each channel) keeps its shape. One that holds two values in a byte is halved
along the input (NVFP4: scales F8 [out, in / 16]; MXFP4 and DeepSeek-V4's experts: F8_E8M0 [out, in / 32]) or along the output
(INT4 AWQ of ModelOpt: U8 [out / 2, in], scales [out, in / 128]). Which it is, the number of scales tells.
Sources: `FP8Linear` and `FP8Experts` in
https://github.com/huggingface/transformers/blob/main/src/transformers/integrations/finegrained_fp8.py; `pack_int4_in_uint8` and
`to_quantized_weight` in https://github.com/NVIDIA/TensorRT-Model-Optimizer/blob/main/modelopt/torch/export/quant_utils.py.
"""

from memscan.packing.base import EIGHT_BIT_FLOATS, ITSELF, Hidden, Layout, Logical, Names, Shape, Stored, item_bits
from memscan.tensor import TensorInfo

NAMES = Names(
    tails=("_scale", "_scale_inv", "_scale_2", "_global_scale", "_weight_scale", "_weight_scale_2", "_input_scale",
           "_activation_scale"),
    module=frozenset({
        "scale", "input_scale", "activation_scale", "input_scale_ub", "pre_quant_scale", "k_scale", "v_scale", "q_scale",
        "output_scale",
    }),
)  # fmt: skip
SCALES = ("_scale", "_weight_scale", "_scale_inv", "scale")
SIGNED = ("I8", "int8")
BYTES = (*SIGNED, "U8", "uint8")
GROUPS = (16, 32, 64, 128)  # inputs to a scale, where two values share a byte


def unpack_scaled(weight: Stored, main: TensorInfo) -> Logical | Hidden | None:
    """The stored shape of whole bytes; that of halved ones by the number of their scales."""
    if main.dtype.name in EIGHT_BIT_FLOATS:
        return Logical(main.shape, 8)
    if main.dtype.name not in BYTES or len(main.shape) < 2:
        return None
    scale = next((weight.members[role] for role in SCALES if role in weight.members), None)
    if scale is None:
        return Logical(_doubled(main.shape), 4) if weight.is_fp4 else weight.hidden("bytes without scales")
    # Integers of eight bits have scales of 16 bits or more; those of four-bit floats are bytes too.
    if main.dtype.name in SIGNED and not weight.is_fp4 and item_bits(scale) != 8:
        is_whole = _is_by_channel(main.shape, scale.shape)
        return Logical(main.shape, 8) if is_whole else weight.hidden("bytes with more than one scale a row")
    sizes = (*GROUPS, weight.quantization.default.group_size or GROUPS[0])
    halved = next((shape for size in sizes if (shape := _halved(main.shape, scale.shape, size)) is not None), None)
    return Logical(halved, 4) if halved is not None else weight.hidden("the scales do not tell how many values a byte holds")


def _doubled(shape: Shape) -> Shape:
    return (*shape[:-1], 2 * shape[-1])


def _is_by_channel(shape: Shape, scale: Shape) -> bool:
    """Whether there is one scale for the weight, or one for each output."""
    found = tuple(one for one in scale if one != 1)
    return found in ((), tuple(one for one in shape[:-1] if one != 1))


def _halved(shape: Shape, scale: Shape, size: int) -> Shape | None:
    """The shape of values packed two in a byte, if `scale` has one of them for each `size` inputs."""
    *experts, rows, columns = shape
    if scale == (*experts, rows, -(-2 * columns // size)):
        return (*experts, rows, 2 * columns)
    if scale == (*experts, 2 * rows, -(-columns // size)):
        return (*experts, 2 * rows, columns)
    if scale == (*experts, -(-2 * rows // size), columns):  # inputs first, as fused experts may be stored
        return (*experts, 2 * rows, columns)
    return None


SCALED = Layout(place=NAMES.place, mains=(ITSELF,), unpack=unpack_scaled)
