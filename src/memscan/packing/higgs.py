"""HIGGS: a Linear of (out, in) at b bits in `weight` I16 [out * b / 16, in], with `scales` [out, in / group] and its tables.

Source: `HiggsLinear` in https://github.com/huggingface/transformers/blob/main/src/transformers/integrations/higgs.py.
"""

from memscan.architecture import Scheme
from memscan.packing.base import ITSELF, Hidden, Layout, Logical, Names, Shape, Stored, groups_fit, item_bits
from memscan.tensor import TensorInfo

NAMES = Names(module=frozenset({"scales", "tables", "tables2"}))


def unpack_higgs(weight: Stored, main: TensorInfo) -> Logical | Hidden | None:
    """(out, in), the outputs as many as the scales have, if they fill the packed words."""
    scales = weight.shape("scales")
    if item_bits(main) != 16 or len(main.shape) != 2:
        return None
    if scales is None or len(scales) != 2:
        return weight.hidden("not HIGGS's layout, packed words beside scales")
    rows, width = main.shape

    def fits(scheme: Scheme) -> Shape | None:
        is_filled = scales[0] * (scheme.bits or 0) // 16 == rows
        return (scales[0], width) if is_filled and groups_fit(scales[1], width, scheme.group_size) else None

    return weight.fitting(fits)


HIGGS = Layout(place=NAMES.place, mains=(ITSELF,), unpack=unpack_higgs, widths=(2, 3, 4))
