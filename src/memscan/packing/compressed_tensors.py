"""compressed-tensors: packed integers, packed four- and six-bit floats, and whole bytes.

A Linear of (out, in) at b bits has `weight_packed`, I32 [out, ceil(in * b / 32)] of integers (releases before dense packing:
ceil(in / (32 // b))) or U8 [out, in * b / 8] of floats (NVFP4, MXFP4, MXFP6); `weight_scale` [out, groups]; for integers
`weight_shape`, asymmetric ones `weight_zero_point`, with activation order `weight_g_idx` [in]. int-, float- and naive-quantized
weights keep their name and shape in I8 or F8.
Source: https://github.com/vllm-project/compressed-tensors/tree/main/src/compressed_tensors/compressors (0.20.0).
"""

from memscan.architecture import Scheme
from memscan.packing.base import EIGHT_BIT_FLOATS, ITSELF, Hidden, Layout, Logical, Names, Shape, Stored, item_bits
from memscan.tensor import TensorInfo

PACKED = "_packed"
NAMES = Names(
    tails=(PACKED, "_scale", "_shape", "_zero_point", "_g_idx", "_global_scale"),
    module=frozenset({
        "input_scale", "input_global_scale", "input_zero_point", "output_scale", "output_zero_point", "k_scale", "v_scale",
        "q_scale", "scale_packed", "meta",
    }),
)  # fmt: skip
WHOLE = EIGHT_BIT_FLOATS | {"I8", "int8"}
BLOCKS = {"nvfp4": 16, "mxfp4": 32, "mxfp6": 32}
"""Values that share a scale, by the name of a float format."""


def unpack_compressed(weight: Stored, main: TensorInfo) -> Logical | Hidden | None:
    """(..., out, in) of a packed weight; a whole one keeps its shape."""
    if "meta" in weight.members:
        return weight.hidden("the 2:4 sparse layout (marlin-24) is not told by its shapes")
    if PACKED in weight.members:
        return _packed(weight, main)
    return Logical(main.shape, 8) if main.dtype.name in WHOLE else None


def _packed(weight: Stored, main: TensorInfo) -> Logical | Hidden:
    scale, order = weight.shape("_scale"), weight.shape("_g_idx")
    if len(main.shape) < 2 or scale is None:
        return weight.hidden("a packed weight has rows and scales")

    def fits(scheme: Scheme) -> Shape | None:
        bits, size = scheme.bits or 0, _group_size(scheme)
        if bits <= 0 or bits > item_bits(main):
            return None
        width = _width(main.shape[-1], item_bits(main), bits, None if size is None else scale[-1] * size)
        return None if width is None or order not in (None, (width,)) else (*main.shape[:-1], width)

    return weight.fitting(fits)


def _group_size(scheme: Scheme) -> int | None:
    return scheme.group_size or next((size for name, size in BLOCKS.items() if name in (scheme.format or "")), None)


def _width(columns: int, item: int, bits: int, grouped: int | None) -> int | None:
    """The inputs in `columns`: those of the groups, if they fill them; where a scale is for a whole channel, all that fit in."""
    if grouped is not None:
        return grouped if columns in (-(-grouped * bits // item), -(-grouped // (item // bits))) else None
    # Words that bits do not divide are packed in two ways; a last word that is not full counts as full.
    return columns * item // bits if item % bits == 0 else None


COMPRESSED_TENSORS = Layout(place=NAMES.place, mains=(PACKED, ITSELF), unpack=unpack_compressed)
