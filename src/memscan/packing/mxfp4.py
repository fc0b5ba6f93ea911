"""MXFP4 as gpt-oss stores its experts: `X_blocks` U8 [experts, out, in / 32, 16], `X_scales` U8 [experts, out, in / 32].

The dense module calls the parameter X and has it as [experts, in, out].
Source: `convert_moe_packed_tensors` in https://github.com/huggingface/transformers/blob/main/src/transformers/integrations/mxfp4.py.
"""

from memscan.packing.base import Hidden, Layout, Logical, Names, Stored, item_bits
from memscan.tensor import TensorInfo

BLOCKS, SCALES = "_blocks", "_scales"
NAMES = Names(tails=(BLOCKS, SCALES))


def unpack_mxfp4(weight: Stored, main: TensorInfo) -> Logical | Hidden:
    """Two values in a byte, 32 in a block, and a scale for each block."""
    blocks, scales = main.shape, weight.shape(SCALES)
    if len(blocks) < 3 or scales != blocks[:-1] or blocks[-1] != 16 or item_bits(main) != 8:
        return weight.hidden("not the layout of MXFP4, blocks of 16 bytes with a scale each")
    *experts, out, groups, size = blocks
    width = groups * size * 2
    return Logical((*experts, width, out) if experts else (out, width), 4)


MXFP4 = Layout(place=NAMES.place, mains=(BLOCKS,), unpack=unpack_mxfp4)
