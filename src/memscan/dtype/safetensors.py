"""The dtypes of safetensors 0.8: https://github.com/huggingface/safetensors/blob/main/safetensors/src/tensor.rs (`Dtype`)."""

from memscan.dtype.base import DType, Kind, table

SAFETENSORS = table(
    DType("BOOL", Kind.BOOLEAN, 1, 1),
    # The shape of an F4 or F6 tensor counts logical elements: two to a byte, four to three bytes.
    DType("F4", Kind.FLOAT, 2, 1),
    DType("F6_E2M3", Kind.FLOAT, 4, 3),
    DType("F6_E3M2", Kind.FLOAT, 4, 3),
    DType("U8", Kind.INTEGER, 1, 1),
    DType("I8", Kind.INTEGER, 1, 1),
    DType("F8_E5M2", Kind.FLOAT, 1, 1),
    DType("F8_E4M3", Kind.FLOAT, 1, 1),
    DType("F8_E8M0", Kind.FLOAT, 1, 1),
    DType("F8_E4M3FNUZ", Kind.FLOAT, 1, 1),
    DType("F8_E5M2FNUZ", Kind.FLOAT, 1, 1),
    DType("I16", Kind.INTEGER, 1, 2),
    DType("U16", Kind.INTEGER, 1, 2),
    DType("F16", Kind.FLOAT, 1, 2),
    DType("BF16", Kind.FLOAT, 1, 2),
    DType("I32", Kind.INTEGER, 1, 4),
    DType("U32", Kind.INTEGER, 1, 4),
    DType("F32", Kind.FLOAT, 1, 4),
    DType("C64", Kind.COMPLEX, 1, 8),
    DType("F64", Kind.FLOAT, 1, 8),
    DType("I64", Kind.INTEGER, 1, 8),
    DType("U64", Kind.INTEGER, 1, 8),
)
"""The 22 dtypes of safetensors 0.8, in the order of its own enumeration."""
