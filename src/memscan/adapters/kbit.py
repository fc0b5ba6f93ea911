"""What peft's `prepare_model_for_kbit_training` does to the weights that a quantization has left.

It casts every parameter of float16 or bfloat16 to float32 that is not packed into 4 bits, unless the model is quantized with
GPTQ, AQLM, EETQ, HQQ or torchao: https://github.com/huggingface/peft/blob/v0.21.2/src/peft/utils/other.py.
"""

from collections.abc import Iterable

from memscan.dtype import Kind
from memscan.tensor import TensorInfo

SOURCE = "peft 0.21.2 src/peft/utils/other.py, prepare_model_for_kbit_training"
KEPT = ("gptq", "aqlm", "eetq", "hqq", "torchao")
"""Methods of whose models it casts nothing, as the names of memscan's quantizers begin."""
HALF = 2


def upcast(tensors: Iterable[TensorInfo], method: str) -> int:
    """Bytes that the parameters among `tensors`, a model quantized with `method`, grow by; buffers stay as they are."""
    if method.startswith(KEPT):
        return 0
    return sum(tensor.elements * HALF for tensor in tensors if _is_cast(tensor))


def _is_cast(tensor: TensorInfo) -> bool:
    return not tensor.buffer and tensor.dtype.kind is Kind.FLOAT and tensor.dtype.block_bytes == HALF * tensor.dtype.block
