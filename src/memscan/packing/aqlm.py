"""AQLM: a Linear of (out, in) in `codes` [out / og, in / ig, K], numbers of rows in K `codebooks` [K, 2 ** bits, og, ig].

`scales` is [out / og, 1, 1, 1].
Source: `QuantizedLinear` in https://github.com/Vahe1994/AQLM/blob/main/inference_lib/src/aqlm/inference.py.
"""

from memscan.packing.base import Hidden, Layout, Logical, Names, Stored, item_bits
from memscan.tensor import TensorInfo

NAMES = Names(module=frozenset({"codes", "codebooks", "scales"}))


def unpack_aqlm(weight: Stored, main: TensorInfo) -> Logical | Hidden:
    """(out, in): the codes times the size of a group, which the codebooks have."""
    codes, books = main.shape, weight.shape("codebooks")
    if len(codes) != 3 or books is None or len(books) != 4 or books[0] != codes[2]:
        return weight.hidden("not AQLM's layout, codes beside as many codebooks")
    settings = weight.quantization.settings
    declared = (settings.get("out_group_size"), settings.get("in_group_size"))
    if any(one not in (None, size) for one, size in zip(declared, books[2:], strict=True)):
        return weight.hidden(f"the codebooks contradict the config, which states groups of {declared[0]} by {declared[1]}")
    bits = max(1, codes[2] * item_bits(main) // (books[2] * books[3]))
    return Logical((codes[0] * books[2], codes[1] * books[3]), bits)


AQLM = Layout(place=NAMES.place, mains=("codes",), unpack=unpack_aqlm)
