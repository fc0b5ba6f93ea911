"""Dtypes: one file for each world that names them."""

from memscan.dtype.base import DType, Kind, unknown
from memscan.dtype.casts import CASTS, SHORT, STORED_AS
from memscan.dtype.ggml import GGML, GGML_RETIRED, ggml
from memscan.dtype.safetensors import SAFETENSORS
from memscan.dtype.torch import STORAGES, TORCH

__all__ = [
    "CASTS",
    "GGML",
    "GGML_RETIRED",
    "SAFETENSORS",
    "SHORT",
    "STORAGES",
    "STORED_AS",
    "TORCH",
    "DType",
    "Kind",
    "ggml",
    "unknown",
]
