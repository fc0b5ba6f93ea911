"""bitsandbytes: 4 bits in a flat tensor with its quantization state below the weight's name, or 8 bits with a scale a row.

A Linear of n weights at 4 bits: `weight` [n / 2, 1] in U8, or the same bytes in another storage dtype; `weight.absmax`, one for
each block of 64 (or more) weights; `weight.quant_map`, the nested ones of double quantization and
`weight.quant_state.bitsandbytes__nf4`, whose JSON alone holds the shape. At 8 bits: `weight` I8 (out, in), `SCB` F32 [out],
`weight_format` U8. Source: `QuantState.as_dict` in
https://github.com/bitsandbytes-foundation/bitsandbytes/blob/main/bitsandbytes/functional.py (0.50.2).
"""

from memscan.packing.base import ITSELF, Hidden, Layout, Logical, Names, Place, Stored
from memscan.tensor import TensorInfo

STATE = "bitsandbytes__"
NAMES = Names(
    module=frozenset({"SCB", "weight_format"}),
    below=frozenset({"absmax", "quant_map", "nested_absmax", "nested_quant_map"}),
)
BLOCK_SIZES = (32, 64, 128, 256, 512, 1024, 2048, 4096)


def place(last: str) -> Place:
    """Where a tensor belongs: the quantization state stands two levels below the weight."""
    return Place("", "quant_state", between=".quant_state") if last.startswith(STATE) else NAMES.place(last)


def unpack_bitsandbytes(weight: Stored, main: TensorInfo) -> Logical | Hidden | None:
    """Twice the bytes, flat, at 4 bits; the stored shape at 8."""
    bits = weight.quantization.default.bits
    rows = weight.shape("SCB")
    if rows is not None and main.dtype.name in ("I8", "int8"):
        if bits not in (8, None) or rows != main.shape[:1]:
            return weight.hidden(f"8 bits with a scale a row, where the config states {bits}")
        return Logical(main.shape, 8)
    blocks = weight.members.get("absmax")
    if blocks is None:
        return None
    elements = main.nbytes * 2
    if bits not in (4, None) or not any(blocks.elements == -(-elements // size) for size in BLOCK_SIZES):
        return weight.hidden(f"4 bits in blocks, whose number does not fit or whose config states {bits} bits")
    return Logical((elements,), 4)


BITSANDBYTES = Layout(place=place, mains=(ITSELF,), unpack=unpack_bitsandbytes)
