"""What a quantized KV cache costs while a layer reads it: its keys and values, made again in the model's dtype for all tokens.

transformers 5.23.0, `Fp8QuantizedLayer.update` (cache_utils.py): keys, then values by way of float32, while what was kept before
is there beside what is kept now. The backends quanto and hqq make as much again, in buffers of their own.
"""

from dataclasses import replace

from memscan.activations import Pass
from memscan.architecture.settings import Settings
from memscan.bills.weight_items import WIDTH
from memscan.cache import KV_DTYPES, Attention, specs
from memscan.item import Basis, Item

FULL = 4  # bytes of float32
FORMULA = "{:,} sequences x {:,} tokens x ({:,} x ({} + 1) + {:,} x (2 x {} + 1)) bytes"


def is_quantized(kv_dtype: str | None) -> bool:
    """Whether a cache of transformers in `kv_dtype` is made dense for each layer that reads it."""
    return kv_dtype is not None and kv_dtype in KV_DTYPES["transformers"] and kv_dtype not in WIDTH


def beside_quantized(item: Item, settings: Settings, one: Pass, *, ranks: int) -> Item:
    """The activations `item` of a pass, with what a quantized cache makes for the layer that has the most.

    `one` says how many tokens there are in the end, `ranks` how many devices share the KV heads. Where many are read the most is
    usually alive elsewhere in the layer.
    """
    sizes = [
        (max(part.heads // ranks, 1) * part.key, max(part.heads // ranks, 1) * part.value)
        for spec in specs(settings)
        for part in spec.parts
        if isinstance(part, Attention)
    ]
    if item.nbytes is None or not sizes:
        return item
    (keys, values), width, tokens = max(sizes, key=sum), WIDTH[one.dtype], one.past + one.tokens
    dense = one.sequences * tokens * (keys + values) * width
    made = one.sequences * tokens * (keys * (width + 1) + values * (2 * FULL + 1))
    beside = item.nbytes + (dense if "decode" in item.phases else 0)
    note = "a layer's keys and values are made dense for all tokens while it reads its quantized cache"
    formula = FORMULA.format(one.sequences, tokens, keys, width, values, FULL)
    if made <= beside:
        formula = item.formula + (f" + {dense:,} bytes of keys and values" if beside > item.nbytes else "")
    return replace(
        item, nbytes=max(made, beside), basis=Basis.ASSUMED, least=item.low, most=item.high + dense + made,
        note="; ".join(filter(None, (item.note, note))), formula=formula,
        source="transformers 5.23.0 Fp8QuantizedLayer",
    )  # fmt: skip
