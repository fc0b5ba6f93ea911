"""Dtypes: one file for each world that names them."""

from memscan.dtype.base import DType, Kind, unknown
from memscan.dtype.casts import CASTS, DTYPES, STORED_AS
from memscan.dtype.safetensors import SAFETENSORS

__all__ = ["CASTS", "DTYPES", "SAFETENSORS", "STORED_AS", "DType", "Kind", "unknown"]
