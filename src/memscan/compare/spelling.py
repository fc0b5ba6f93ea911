"""One dtype in the spellings of two formats: a model saved again in another format has not changed its dtypes.

Spellings: `Dtype` of https://github.com/huggingface/safetensors/blob/main/safetensors/src/tensor.rs and the names of torch that
it stands for (`_TYPES` of bindings/python/py_src/safetensors/torch.py, 0.8).
"""

from memscan.tensor import TensorInfo

TORCH_NAMES = {
    "BOOL": "bool",
    "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64",
    "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64",
    "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "C64": "complex64",
}  # fmt: skip
"""The spelling of torch for that of safetensors and GGUF."""


def spelled(name: str) -> str:
    """The one spelling of a dtype that formats name differently; a dtype that one format alone has keeps its name."""
    return TORCH_NAMES.get(name, name)


def is_same_dtype(one: TensorInfo, other: TensorInfo) -> bool:
    """Whether both are stored in one dtype, however their formats spell it."""
    first, second = one.dtype.name, other.dtype.name
    return first == second or spelled(first) == spelled(second)
