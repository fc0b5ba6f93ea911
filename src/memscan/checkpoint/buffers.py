"""Which stored tensors are buffers: state that a module keeps and no optimizer updates.

A header does not say so; the names below are those under which the field's libraries register buffers that older or newer
releases save: BatchNorm statistics (`torch.nn.modules.batchnorm._NormBase`), causal masks (GPT-2, GPT-Neo, GPT-NeoX, GPT-J),
rotary frequencies (`inv_freq`, and the caches of early releases), position and token type ids (BERT, ViT, CLIP).
"""

from memscan.dtype import Kind
from memscan.tensor import TensorInfo

STATISTICS = frozenset({"running_mean", "running_var", "num_batches_tracked"})
POSITIONS = frozenset({"position_ids", "token_type_ids", "relative_position_index", "inv_freq", "cos_cached", "sin_cached"})
MASKED = "masked_bias"
MASK = "bias"  # a mask only where it has a mask's shape: [1, 1, positions, positions]
NUMBERS = (Kind.FLOAT, Kind.COMPLEX, Kind.QUANTIZED, Kind.UNKNOWN)


def is_buffer(tensor: TensorInfo) -> bool:
    """Whether `tensor` is a buffer: integer or boolean, or a floating tensor with the name of a known one."""
    if tensor.buffer is not None:
        return tensor.buffer
    if tensor.dtype.kind not in NUMBERS:
        return True
    last = tensor.name.rpartition(".")[2]
    if last in STATISTICS or last in POSITIONS or last == MASKED:
        return True
    shape = tensor.shape
    return last == MASK and len(shape) == 4 and shape[:2] == (1, 1) and shape[2] == shape[3]
