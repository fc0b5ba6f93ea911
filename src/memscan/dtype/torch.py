"""The dtypes of torch, and the storage classes that stand for them in its files.

Sources: https://github.com/pytorch/pytorch/blob/main/c10/core/ScalarType.h (item sizes) and
https://github.com/pytorch/pytorch/blob/main/torch/storage.py (`_dtype_to_storage_type_map`, `_new_dtypes`).
"""

from memscan.dtype.base import DType, Kind, table

TORCH = table(
    DType("float64", Kind.FLOAT, 1, 8),
    DType("float32", Kind.FLOAT, 1, 4),
    DType("float16", Kind.FLOAT, 1, 2),
    DType("bfloat16", Kind.FLOAT, 1, 2),
    DType("float8_e4m3fn", Kind.FLOAT, 1, 1),
    DType("float8_e4m3fnuz", Kind.FLOAT, 1, 1),
    DType("float8_e5m2", Kind.FLOAT, 1, 1),
    DType("float8_e5m2fnuz", Kind.FLOAT, 1, 1),
    DType("float8_e8m0fnu", Kind.FLOAT, 1, 1),
    # Shapes of the `_x2` and bits types count packed elements: one to an item, however many values it holds.
    DType("float4_e2m1fn_x2", Kind.FLOAT, 1, 1),
    DType("complex32", Kind.COMPLEX, 1, 4),
    DType("complex64", Kind.COMPLEX, 1, 8),
    DType("complex128", Kind.COMPLEX, 1, 16),
    DType("bool", Kind.BOOLEAN, 1, 1),
    DType("int8", Kind.INTEGER, 1, 1),
    DType("int16", Kind.INTEGER, 1, 2),
    DType("int32", Kind.INTEGER, 1, 4),
    DType("int64", Kind.INTEGER, 1, 8),
    DType("uint8", Kind.INTEGER, 1, 1),
    DType("uint16", Kind.INTEGER, 1, 2),
    DType("uint32", Kind.INTEGER, 1, 4),
    DType("uint64", Kind.INTEGER, 1, 8),
    # One byte an element whatever their width: torch packs none of them.
    *(DType(f"{sign}int{bits}", Kind.INTEGER, 1, 1) for sign in ("", "u") for bits in range(1, 8)),
    DType("bits8", Kind.INTEGER, 1, 1),
    DType("bits16", Kind.INTEGER, 1, 2),
    DType("bits1x8", Kind.INTEGER, 1, 1),
    DType("bits2x4", Kind.INTEGER, 1, 1),
    DType("bits4x2", Kind.INTEGER, 1, 1),
    DType("qint8", Kind.QUANTIZED, 1, 1),
    DType("quint8", Kind.QUANTIZED, 1, 1),
    DType("qint32", Kind.QUANTIZED, 1, 4),
    # Shapes of these two count values: two and four to a byte.
    DType("quint4x2", Kind.QUANTIZED, 2, 1),
    DType("quint2x4", Kind.QUANTIZED, 4, 1),
)
"""Every dtype of torch 2.13 by its own name; a block's bytes are the bytes of a storage's item."""

STORAGES = {
    "DoubleStorage": TORCH["float64"],
    "FloatStorage": TORCH["float32"],
    "HalfStorage": TORCH["float16"],
    "BFloat16Storage": TORCH["bfloat16"],
    "LongStorage": TORCH["int64"],
    "IntStorage": TORCH["int32"],
    "ShortStorage": TORCH["int16"],
    "CharStorage": TORCH["int8"],
    "ByteStorage": TORCH["uint8"],
    "BoolStorage": TORCH["bool"],
    "ComplexDoubleStorage": TORCH["complex128"],
    "ComplexFloatStorage": TORCH["complex64"],
    "QInt8Storage": TORCH["qint8"],
    "QInt32Storage": TORCH["qint32"],
    "QUInt8Storage": TORCH["quint8"],
    "QUInt4x2Storage": TORCH["quint4x2"],
    "QUInt2x4Storage": TORCH["quint2x4"],
    # Bytes without a dtype; the tensor says which it is.
    "UntypedStorage": TORCH["uint8"],
    "_UntypedStorage": TORCH["uint8"],
}
"""The storage classes that torch writes, by name; dtypes younger than 2022 have none and are written as untyped bytes."""
