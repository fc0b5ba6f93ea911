"""EETQ: `weight` I8 [in, out], `weight_scales` F16 [out].

Source: `EetqLinear` in https://github.com/huggingface/transformers/blob/main/src/transformers/integrations/eetq.py.
"""

from memscan.packing.base import ITSELF, Hidden, Layout, Logical, Names, Stored
from memscan.tensor import TensorInfo

NAMES = Names(tails=("_scales",))


def unpack_eetq(weight: Stored, main: TensorInfo) -> Logical | Hidden | None:
    """(out, in): the stored shape turned."""
    scales = weight.shape("_scales")
    if main.dtype.name not in ("I8", "int8"):
        return None
    if len(main.shape) != 2 or scales != main.shape[1:]:
        return weight.hidden("not EETQ's layout, [in, out] beside a scale for each output")
    return Logical(main.shape[::-1], 8)


EETQ = Layout(place=NAMES.place, mains=(ITSELF,), unpack=unpack_eetq)
