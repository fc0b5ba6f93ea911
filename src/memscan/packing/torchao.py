"""torchao's tensor subclasses, flattened for safetensors: `_weight_qdata`, `_weight_scale` ... beside each other in the module.

The header's metadata says under the parameter's name which subclass it was, with its `block_size` (weights to a scale in each
dimension) and, where its data is laid out otherwise, its `shape`.
Source: `flatten_tensor_state_dict` in
https://github.com/pytorch/ao/blob/main/torchao/prototype/safetensors/safetensors_support.py (0.18.0).
"""

import json
from collections.abc import Mapping
from math import prod

from memscan.packing.base import EIGHT_BIT_FLOATS, ITSELF, Hidden, Layout, Logical, Place, Shape, Stored
from memscan.tensor import TensorInfo

ROLES = ("qdata", "scale_and_zero", "zero_point", "per_tensor_scale", "act_per_tensor_scale", "act_pre_scale", "act_scale",
         "act_zero_point", "act_quant_scale", "scale")  # fmt: skip
MAX_WORDS = 100_000  # characters of one tensor's metadata; real ones have a few hundred


def place(last: str) -> Place:
    """Where a tensor belongs: `_weight_qdata` to `weight`."""
    if last.startswith("_"):
        for role in ROLES:
            if last.endswith(f"_{role}") and len(last) > len(role) + 2:
                return Place(last[1 : -len(role) - 1], role)
    return Place(last, ITSELF)


def unpack_torchao(weight: Stored, main: TensorInfo) -> Logical | Hidden:
    """The shape that the metadata states, or that of the data where each value has a byte of its own."""
    said = _said(weight.said)
    stated = _shape(said.get("shape"))
    block, scale = _shape(said.get("block_size")), weight.shape("scale")
    if main.dtype.name in EIGHT_BIT_FLOATS or main.dtype.name in ("I8", "int8"):
        if block is not None and scale is not None and scale != _blocks(main.shape, block):
            return weight.hidden("not one scale for each block that the header's metadata states")
        return Logical(main.shape, 8)
    if stated is None and block is not None and scale is not None:
        stated = _by_blocks(main.shape, scale, block)
    if stated is None:
        return weight.hidden("packed values, whose shape the header's metadata does not tell")
    values = prod(stated)
    if main.nbytes * 2 < values:  # tiles are filled up, so there may be more
        return weight.hidden(f"fewer than four bits for each of the {values:,} values that the header's metadata states")
    return Logical(stated, 4)


def _by_blocks(data: Shape, scale: Shape, block: Shape) -> Shape | None:
    """Two values in a byte along the last dimension, if there is a scale for each block, in either order."""
    shape = (*data[:-1], 2 * data[-1])
    blocks = _blocks(shape, block)
    return shape if blocks is not None and scale in (blocks, blocks[::-1]) else None


def _blocks(shape: Shape, block: Shape) -> Shape | None:
    """How many blocks there are in each dimension."""
    return tuple(-(-one // size) for one, size in zip(shape, block, strict=True)) if len(block) == len(shape) else None


def _said(text: str | None) -> Mapping[str, object]:
    if text is None or len(text) > MAX_WORDS:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {}  # then the shapes have to tell
    data = value.get("_data") if isinstance(value, dict) else None
    return data if isinstance(data, dict) else {}


def _shape(value: object) -> Shape | None:
    if not isinstance(value, list) or not value or len(value) > 8:
        return None
    sizes = tuple(one for one in value if type(one) is int and 0 < one < 2**40)
    return sizes if len(sizes) == len(value) else None


TORCHAO = Layout(place=place, mains=("qdata",), unpack=unpack_torchao)
