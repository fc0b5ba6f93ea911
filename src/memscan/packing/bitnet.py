"""BitNet: four ternary weights in a byte along the output, `weight` U8 [out / 4, in], and `weight_scale` [1].

Source: `pack_weights` in https://github.com/huggingface/transformers/blob/main/src/transformers/integrations/bitnet.py.
"""

from memscan.packing.base import ITSELF, Hidden, Layout, Logical, Names, Stored, item_bits
from memscan.tensor import TensorInfo

NAMES = Names(tails=("_scale",))
VALUES = 4  # in a byte


def unpack_bitnet(weight: Stored, main: TensorInfo) -> Logical | Hidden | None:
    """(out, in) of bytes with a scale for the whole weight."""
    shape, scale = main.shape, weight.members.get("_scale")
    if item_bits(main) != 8 or len(shape) != 2:
        return None
    if scale is None or scale.elements != 1:
        return weight.hidden("packed bytes without the one scale of BitNet")
    return Logical((shape[0] * VALUES, shape[1]), 2)


BITNET = Layout(place=NAMES.place, mains=(ITSELF,), unpack=unpack_bitnet)
