"""The quantizers by name, each imported when it is first asked for: the names alone cost no start-up."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memscan.quantizers.base import Quantizer

HOMES = {
    "bnb-int8": "bitsandbytes",
    "bnb-nf4": "bitsandbytes",
    "bnb-nf4-dq": "bitsandbytes",
    "gptq-4bit-g128": "gptq",
    "awq-4bit-g128": "awq",
    "hqq-4bit-g64": "hqq",
    "int4-g128": "compressed_tensors",
    "fp8": "compressed_tensors",
    "fp8-block": "fp8_block",
    "mxfp4": "mxfp4",
    "nvfp4": "compressed_tensors",
    "Q8_0": "ggml_mixes",
    "Q6_K": "ggml_mixes",
    "Q5_K_M": "ggml_mixes",
    "Q4_K_M": "ggml_mixes",
    "Q3_K_M": "ggml_mixes",
    "Q2_K": "ggml_mixes",
    "IQ4_XS": "ggml_mixes",
}
"""The module of this room whose `QUANTIZERS` holds the one of each name."""


class Registry(Mapping[str, "Quantizer"]):
    """The quantizers of `HOMES`."""

    def __getitem__(self, name: str) -> "Quantizer":
        """The quantizer `name`; KeyError where there is none."""
        module = import_module(f"memscan.quantizers.{HOMES[name]}")
        found: dict[str, Quantizer] = {quantizer.name: quantizer for quantizer in module.QUANTIZERS}
        return found[name]

    def __iter__(self) -> Iterator[str]:
        """The names, in the order of `HOMES`."""
        return iter(HOMES)

    def __len__(self) -> int:
        """How many there are."""
        return len(HOMES)
