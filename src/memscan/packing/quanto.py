"""optimum-quanto: `weight._data` with `weight._scale`, and `weight._shift` where the values are packed.

At 8 bits `_data` has the weight's shape (I8 or F8) and `_scale` is [out, 1]. At 4 and 2 bits it is `_data._data`, laid out in
groups, packed along the first dimension in U8, with a scale and a shift for each group.
Source: `save_to_state_dict` of https://github.com/huggingface/optimum-quanto/tree/main/optimum/quanto/tensor/weights (0.2.7).
"""

from memscan.packing.base import EIGHT_BIT_FLOATS, Hidden, Layout, Logical, Names, Place, Stored, item_bits
from memscan.tensor import TensorInfo

DATA = "_data"
NAMES = Names(below=frozenset({"_scale", "_shift", "_zeropoint"}), module=frozenset({"input_scale", "output_scale"}))


def place(last: str) -> Place:
    """Where a tensor belongs: packed values stand a level deeper than others, in `weight._data._data`."""
    return Place("", DATA, between=f".{DATA}") if last == DATA else NAMES.place(last)


def unpack_quanto(weight: Stored, main: TensorInfo) -> Logical | Hidden:
    """The stored shape at 8 bits; at fewer the number of values, flat, by bytes and by groups."""
    scale, bits = weight.members.get("_scale"), weight.quantization.default.bits
    if main.dtype.name in EIGHT_BIT_FLOATS or main.dtype.name in ("I8", "int8"):
        return Logical(main.shape, 8) if bits in (8, None) else weight.hidden(f"8 bits, where the config states {bits}")
    if scale is None or item_bits(main) != 8 or bits not in (2, 4):
        return weight.hidden(f"packed bytes, where the config states {bits} bits")
    groups = scale.shape
    if len(groups) == 2 and groups[1] == 1 and main.shape[:-1] == (-(-groups[0] * bits // 8),):
        return Logical((groups[0] * main.shape[1],), bits)  # a group a row; the last byte's rows may be filled up
    if len(groups) == 2 and groups[0] == 1 and main.shape[1:] == groups[1:]:
        return Logical((main.elements * 8 // bits,), bits)
    return weight.hidden("not a scale for each packed group")


QUANTO = Layout(place=place, mains=(DATA,), unpack=unpack_quanto)
