"""What an estimate can cast a checkpoint to, in the names that torch and the seed's table use."""

from memscan.dtype.base import DType, Kind, table

CASTS = table(
    DType("float64", Kind.FLOAT, 1, 8),
    DType("float32", Kind.FLOAT, 1, 4),
    DType("float16", Kind.FLOAT, 1, 2),
    DType("bfloat16", Kind.FLOAT, 1, 2),
    DType("float8", Kind.FLOAT, 1, 1),
    DType("int8", Kind.INTEGER, 1, 1),
    DType("int4", Kind.INTEGER, 2, 1),
)
"""What a checkpoint can be cast to in an estimate; int8 and int4 are the seed's ideal ones, without scales."""

STORED_AS = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E5M2": "float8",
    "F8_E4M3": "float8",
    "F8_E4M3FNUZ": "float8",
    "F8_E5M2FNUZ": "float8",
    "float64": "float64",
    "float32": "float32",
    "float16": "float16",
    "bfloat16": "bfloat16",
    "float8_e5m2": "float8",
    "float8_e4m3fn": "float8",
    "float8_e4m3fnuz": "float8",
    "float8_e5m2fnuz": "float8",
}
"""Which cast changes nothing for a stored dtype, in the spellings of safetensors, GGUF and torch."""

SHORT = {
    "fp64": "float64",
    "fp32": "float32",
    "f32": "float32",
    "fp16": "float16",
    "f16": "float16",
    "half": "float16",
    "bf16": "bfloat16",
}
"""Short words for them, as engines' options have them."""
