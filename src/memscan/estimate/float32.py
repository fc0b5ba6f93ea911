"""What a cast of a model leaves in float32, and what it changes at all.

`_keep_in_fp32_modules` of transformers holds in float16, `_keep_in_fp32_modules_strict` in bfloat16 too
(`PreTrainedModel._get_dtype_plan`).
"""

import re
from collections.abc import Callable, Iterator

from memscan.dtype import CASTS, DType, Kind
from memscan.model import Scope
from memscan.tensor import TensorInfo

HALVES = ("float16", "bfloat16")
FOLLOWING = (Kind.FLOAT, Kind.QUANTIZED)  # what a cast changes; a packed weight is dequantized by it


def cast_dtypes(scope: Scope, dtype: DType) -> Iterator[tuple[TensorInfo, DType]]:
    """Each tensor of `scope` with the dtype that it has after a cast of the model to `dtype`."""
    stays_16, stays_half = stays_float32(scope, strict=False), stays_float32(scope, strict=True)
    whole = CASTS["float32"]
    for tensor in scope.tensors:
        if tensor.dtype.kind not in FOLLOWING or tensor.name in scope.fixed:
            yield tensor, tensor.dtype
        elif dtype.name in HALVES and (stays_half(tensor.name) or (dtype.name == HALVES[0] and stays_16(tensor.name))):
            yield tensor, whole
        else:
            yield tensor, dtype


def stays_float32(scope: Scope, *, strict: bool) -> Callable[[str], object]:
    """Whether a name is one that transformers keeps in float32."""
    words = () if scope.layout is None else scope.layout.fp32_strict if strict else scope.layout.fp32
    if not words:
        return _never
    return re.compile("|".join(word.replace("*", ".*") for word in sorted(words))).search


def _never(name: str) -> bool:  # noqa: ARG001 -- what every rule is asked
    return False
