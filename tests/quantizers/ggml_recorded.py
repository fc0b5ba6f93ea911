"""What llama.cpp made of small models: fixtures/quantizers/ggml.json, written by tools/llama_cpp."""

import json
import os
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any

from memscan.dtype import TORCH
from memscan.quantizers.base import Dense, Weight
from memscan.quantizers.ggml_model import block
from memscan.quantizers.ggml_roles import STACKED
from memscan.tensor import TensorInfo

RECORD = Path(os.environ.get("MEMSCAN_GGML") or Path(__file__).resolve().parents[2] / "fixtures/quantizers/ggml.json")
MODELS: Mapping[str, Any] = json.loads(RECORD.read_bytes())["models"]
ENCODER, DECODER = "encoder.", "decoder."


def dense(model: str, *, modules: bool = True) -> Dense:
    """The dense model; without `modules`, as a header alone shows it."""
    record = MODELS[model]
    dtype = TORCH[record["dtype"]]
    weights = tuple(
        Weight(
            name=name,
            shape=tuple(shape),
            dtype=dtype,
            nbytes=dtype.packed_nbytes(prod(shape)),
            module=module if modules else None,
            buffer=bool(buffer),
        )
        for name, shape, module, *buffer in record["weights"]
    )
    return Dense(weights=weights, model_type=record["config"]["model_type"], config=record["config"])


def expected(model: str, mix: str) -> dict[str, int]:
    """Bytes in each block of layers, as llama.cpp made them."""
    return {block: sum(types.values()) for types, blocks in MODELS[model]["mixes"][mix] for block in blocks}


def by_block(tensors: Iterable[TensorInfo]) -> dict[str, int]:
    """Bytes in each block of layers, as llama.cpp names it; what is outside of them stands under ""."""
    sums: dict[str, int] = {}
    for tensor in tensors:
        side = next((name[:3] + "." for name in (ENCODER, DECODER) if tensor.name.startswith(f"{name}block.")), "")
        number = block(tensor.name)
        key = f"{side}{number}" if number >= 0 and STACKED not in tensor.name else ""
        sums[key] = sums.get(key, 0) + tensor.nbytes
    return {key: nbytes for key, nbytes in sums.items() if nbytes}
