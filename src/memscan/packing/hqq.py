"""HQQ: `W_q`, the weights in rows of one group each, packed along the rows; `scale` and `zero`, one a group.

N groups of g weights: at 8, 4, 2 and 1 bits `W_q` U8 [N * bits / 8, g], at 3 bits I32 [ceil(N / 10), g]; `scale` [N, 1]. With the
other axis (0) both are transposed: `W_q` packs g, `scale` is [1, N]. The other tensors of the module are its settings.
Source: `pack` of https://github.com/mobiusml/hqq/blob/master/hqq/core/bitpack.py (0.2.8).
"""

from memscan.architecture import Scheme
from memscan.packing.base import Hidden, Layout, Logical, Names, Shape, Stored
from memscan.tensor import TensorInfo

NAMES = Names(module=frozenset({
    "W_q", "scale", "zero", "nbits", "group_size", "shape", "axis", "packing", "unpack_view_dtype", "view_as_float",
    "quant_scale", "quant_zero", "compute_dtype", "offload_meta", "encoded_state_dict", "stores_quant_config", "channel_wise",
    "optimize", "round_zero",
}))  # fmt: skip
PER_ROW = {8: 1, 4: 2, 3: 10, 2: 4, 1: 8}
"""Rows of weights in one packed row, by bits."""


def unpack_hqq(weight: Stored, main: TensorInfo) -> Logical | Hidden:
    """The number of groups times the weights of one, flat: the two-dimensional shape is in the tensors' bytes alone."""
    scale = weight.shape("scale")
    if len(main.shape) != 2 or scale is None or len(scale) != 2 or 1 not in scale:
        return weight.hidden("not HQQ's layout, packed rows beside a scale for each group")
    rows = main.shape[0]
    groups = max(scale)

    def fits(scheme: Scheme) -> Shape | None:
        bits = scheme.bits or 0
        per_row, item = PER_ROW.get(bits, 0), 4 if bits == 3 else 1  # the bytes may be viewed in another dtype
        if not per_row or main.nbytes % (rows * item):
            return None
        width = main.nbytes // (rows * item)
        if scale[1] == 1 and rows == -(-groups // per_row) and scheme.group_size in (width, None):
            return (groups * width,)
        size = scheme.group_size or 0
        return (groups * size,) if scale[0] == 1 and size and rows == -(-size // per_row) and width == groups else None

    return weight.fitting(fits)


HQQ = Layout(place=NAMES.place, mains=("W_q",), unpack=unpack_hqq, widths=tuple(PER_ROW))
