"""The tensor types of ggml, by the number that a GGUF file writes: `enum ggml_type` in
https://github.com/ggml-org/llama.cpp/blob/master/ggml/include/ggml.h; the sizes are `GGML_QUANT_SIZES` of the gguf package 0.19.

Numbers are only ever appended, so a number that is not here is a newer type, or one that a fork of llama.cpp gave itself
(two forks have used 42 for two different types): it becomes a dtype without a size, and its tensors are sized by the
distance to the next tensor's bytes, the padding to the file's alignment included.
"""

from collections.abc import Mapping

from memscan.dtype.base import DType, Kind, unknown

PACKED = Kind.QUANTIZED

GGML: Mapping[int, DType] = {
    0: DType("F32", Kind.FLOAT, 1, 4),
    1: DType("F16", Kind.FLOAT, 1, 2),
    2: DType("Q4_0", PACKED, 32, 18),
    3: DType("Q4_1", PACKED, 32, 20),
    6: DType("Q5_0", PACKED, 32, 22),
    7: DType("Q5_1", PACKED, 32, 24),
    8: DType("Q8_0", PACKED, 32, 34),
    # Q8_1 and Q8_K are what ggml quantizes activations to; no writer stores them, the reference package can.
    9: DType("Q8_1", PACKED, 32, 40),
    10: DType("Q2_K", PACKED, 256, 84),
    11: DType("Q3_K", PACKED, 256, 110),
    12: DType("Q4_K", PACKED, 256, 144),
    13: DType("Q5_K", PACKED, 256, 176),
    14: DType("Q6_K", PACKED, 256, 210),
    15: DType("Q8_K", PACKED, 256, 292),
    16: DType("IQ2_XXS", PACKED, 256, 66),
    17: DType("IQ2_XS", PACKED, 256, 74),
    18: DType("IQ3_XXS", PACKED, 256, 98),
    19: DType("IQ1_S", PACKED, 256, 50),
    20: DType("IQ4_NL", PACKED, 32, 18),
    21: DType("IQ3_S", PACKED, 256, 110),
    22: DType("IQ2_S", PACKED, 256, 82),
    23: DType("IQ4_XS", PACKED, 256, 136),
    24: DType("I8", Kind.INTEGER, 1, 1),
    25: DType("I16", Kind.INTEGER, 1, 2),
    26: DType("I32", Kind.INTEGER, 1, 4),
    27: DType("I64", Kind.INTEGER, 1, 8),
    28: DType("F64", Kind.FLOAT, 1, 8),
    29: DType("IQ1_M", PACKED, 256, 56),
    30: DType("BF16", Kind.FLOAT, 1, 2),
    34: DType("TQ1_0", PACKED, 256, 54),
    35: DType("TQ2_0", PACKED, 256, 66),
    39: DType("MXFP4", PACKED, 32, 17),
    40: DType("NVFP4", PACKED, 64, 36),
    41: DType("Q1_0", PACKED, 128, 18),
}
"""The types of ggml by number."""

GGML_BY_NAME: Mapping[str, DType] = {dtype.name: dtype for dtype in GGML.values()}
"""The types of ggml by the name that llama.cpp prints in capitals."""

GGML_RETIRED: Mapping[int, str] = {
    4: "Q4_2",
    5: "Q4_3",
    31: "Q4_0_4_4",
    32: "Q4_0_4_8",
    33: "Q4_0_8_8",
    36: "IQ4_NL_4_4",
    37: "IQ4_NL_4_8",
    38: "IQ4_NL_8_8",
}
"""Numbers whose types ggml has removed; nothing loads them any more, and they will not be given again."""


def ggml(number: int) -> DType:
    """The type `number`, which is not a retired one; named by its number and without a size where it is not known."""
    return GGML.get(number) or unknown(f"GGML_{number}")
