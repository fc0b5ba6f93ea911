"""What quantization methods make of dense models, to the byte.

The names are here; what it takes to apply one is in its own files, imported when one is asked for.
"""

from memscan.dtype import CASTS
from memscan.quantizers.registry import HOMES, Registry

__all__ = ["DTYPES", "QUANTIZERS", "QUANTIZER_NAMES"]

QUANTIZERS = Registry()
"""Every method by the name that `--dtypes` takes."""

QUANTIZER_NAMES = tuple(HOMES)

DTYPES = (*CASTS, *QUANTIZER_NAMES)
"""What an estimate can be made for: casts, and quantization methods. What `--dtypes` and `memscan.scan(dtypes=...)` take."""
