"""AWQ: packed along the output (GEMM) or the input (GEMV, and its fast form).

A Linear of (out, in) at 4 bits, g inputs to a scale: GEMM has `qweight` I32 [in, out / 8], `qzeros` I32 [in / g, out / 8] and
`scales` [in / g, out]; GEMV `qweight` I32 [out, in / 8] and `scales` [out, in / g or more, filled up]; GEMV fast `qweight` I16
[out / 4, in] and `scales` [in / g or more, out].
Sources: `WQLinear_GEMM`, `WQLinear_GEMV`, `WQLinear_GEMVFast` and `calculate_zeros_width` in
https://github.com/casper-hansen/AutoAWQ/tree/main/awq/modules/linear (0.2.7).
"""

from memscan.architecture import Scheme
from memscan.packing.base import Hidden, Layout, Logical, Names, Shape, Stored, item_bits
from memscan.tensor import TensorInfo

NAMES = Names(module=frozenset({"qweight", "qzeros", "scales"}))


def unpack_awq(weight: Stored, main: TensorInfo) -> Logical | Hidden:
    """(out, in) by which side of `scales` equals the packed weight's."""
    shape, scales, zeros = main.shape, weight.shape("scales"), weight.shape("qzeros")
    if len(shape) < 2 or scales is None or len(scales) != len(shape):
        return weight.hidden("not a layout of AWQ, a packed matrix beside scales")
    *experts, rows, columns = shape

    def fits(scheme: Scheme) -> Shape | None:
        bits = scheme.bits or 0
        if bits <= 0 or item_bits(main) % bits:
            return None
        values, size = item_bits(main) // bits, scheme.group_size
        if scales[-1] == columns * values and _is_filled(scales[-2], rows, size) and (zeros is None or zeros[-1] == columns):
            return (*experts, columns * values, rows)
        if item_bits(main) == 16 and scales[-1] == rows * values and _covers(scales[-2], columns, size):
            return (*experts, rows * values, columns)
        if scales[-2] == rows and _covers(scales[-1], columns * values, size):
            return (*experts, rows, columns * values)
        return None

    return weight.fitting(fits)


def _is_filled(groups: int, width: int, size: int | None) -> bool:
    """Whether `groups` make up the width exactly, as AutoAWQ asks."""
    return size is None or groups * size == width


def _covers(groups: int, width: int, size: int | None) -> bool:
    """Whether there are as many scales as the kernel reads: whole words of zero points, times a factor for small groups."""
    if size is None:
        return groups == 1
    words = -(-(width // size) // 8)
    factor = 1 if size >= 128 else max(1, 128 // size)
    return width % size == 0 and groups == -(-words // factor) * factor * 8


AWQ = Layout(place=NAMES.place, mains=("qweight",), unpack=unpack_awq, widths=(4,))
