"""Dense models for the quantizers, made by hand or read from the header-only fixtures."""

import json
import math
from functools import cache

from memscan.dtype import SAFETENSORS
from memscan.quantizers.base import Dense, Weight
from tests.estimate.fixtures import HUB, load

METHODS = (
    "bnb-int8", "bnb-nf4", "bnb-nf4-dq", "gptq-4bit-g128", "awq-4bit-g128", "hqq-4bit-g64", "int4-g128", "fp8", "fp8-block",
    "nvfp4", "mxfp4",
)  # fmt: skip
"""The methods that transformers' world knows; those of llama.cpp have tests of their own."""


def weight(name: str, *shape: int, dtype: str = "BF16", module: str | None = "Linear", buffer: bool = False) -> Weight:
    held = SAFETENSORS[dtype]
    return Weight(name=name, shape=shape, dtype=held, nbytes=held.packed_nbytes(math.prod(shape)), module=module, buffer=buffer)


def dense(*weights: Weight, kept: tuple[str, ...] = (), last: str | None = "norm.weight", model_type: str | None = None) -> Dense:
    return Dense(weights=weights, kept=frozenset(kept), last=last, model_type=model_type)


@cache
def published(repository: str, *, kept: tuple[str, ...] = ("lm_head",), last: str | None = "lm_head.weight") -> Dense:
    """The checkpoint of `repository` as its header shows it: no class of module is known."""
    weights = [
        Weight(name=one.name, shape=one.shape, dtype=one.dtype, nbytes=one.nbytes, module=None)
        for one in load(repository).checkpoint.tensors
    ]
    config = json.loads((HUB / repository / "config.json").read_bytes())
    return Dense(weights=tuple(weights), kept=frozenset(kept), last=last, model_type=config["model_type"], config=config)
