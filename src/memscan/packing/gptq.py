"""GPTQ, and AutoRound, which writes its layout or AWQ's.

A Linear of (out, in) at b bits: `qweight` I32 [in * b / 32, out], packed along the input without gaps, 3 bits too; `qzeros` I32
[groups, out * b / 32]; `scales` [groups, out]; `g_idx` I32 [in], the group of each input.
Source: `pack` of https://github.com/AutoGPTQ/AutoGPTQ/blob/main/auto_gptq/nn_modules/qlinear/qlinear_cuda_old.py.

A `bias` beside them is a parameter of the module. AutoGPTQ wrote one of zeros for every Linear, also where the dense model has
none; which it is cannot be read from a header.
"""

from memscan.architecture import Scheme
from memscan.packing.awq import unpack_awq
from memscan.packing.base import Hidden, Layout, Logical, Names, Shape, Stored, groups_fit, item_bits
from memscan.tensor import TensorInfo

NAMES = Names(module=frozenset({"qweight", "qzeros", "scales", "g_idx", "zeros", "wf", "perm"}))
WIDTHS = (2, 3, 4, 8)


def unpack_gptq(weight: Stored, main: TensorInfo) -> Logical | Hidden:
    """(out, in) by the number of packed rows, checked against the scales, the zero points and `g_idx`."""
    scales = weight.shape("scales")
    if len(main.shape) < 2 or scales is None or scales[-1:] != main.shape[-1:] or len(scales) < 2:
        return weight.hidden("not GPTQ's layout, [in * bits / 32, out] beside scales of [groups, out]")
    *experts, rows, out = main.shape
    order, zeros = weight.shape("g_idx"), weight.shape("qzeros")

    def fits(scheme: Scheme) -> Shape | None:
        bits = scheme.bits or 0
        if bits <= 0 or rows * item_bits(main) % bits:
            return None
        width = rows * item_bits(main) // bits
        if order is not None and order[-1:] != (width,):
            return None
        if zeros is not None and zeros[-1] not in (out * bits // item_bits(main), -(-out * bits // item_bits(main))):
            return None
        return (*experts, out, width) if groups_fit(scales[-2], width, scheme.group_size) else None

    return weight.fitting(fits)


def unpack_auto_round(weight: Stored, main: TensorInfo) -> Logical | Hidden:
    """As GPTQ or AWQ: the scales have as many columns as the packed weight in the one, and as its values in the other."""
    scales = weight.shape("scales")
    is_gptq = scales is not None and scales[-1:] == main.shape[-1:]
    return unpack_gptq(weight, main) if is_gptq else unpack_awq(weight, main)


GPTQ = Layout(place=NAMES.place, mains=("qweight",), unpack=unpack_gptq, widths=WIDTHS)
AUTO_ROUND = Layout(place=NAMES.place, mains=("qweight",), unpack=unpack_auto_round, widths=WIDTHS)
