"""A scope as a quantizer and an adapter see it: dense weights, each with the class of the module that owns it."""

from memscan.checkpoint import is_buffer
from memscan.dtype import SAFETENSORS, DType, Kind
from memscan.model import Model, Scope
from memscan.quantizers.base import Dense, Weight
from memscan.tensor import TensorInfo


def dense(model: Model, scope: Scope) -> Dense:
    """The scope's tensors before any quantization; what is packed already is taken as dequantized."""
    dtype = weights_dtype(scope)
    weights = tuple(_weight(tensor, scope, dtype) for tensor in scope.tensors)
    parameters = [weight.name for weight in weights if not weight.buffer]
    config = model.config
    return Dense(
        weights=weights, kept=_kept(scope), last=parameters[-1] if parameters and scope.layout is not None else None,
        model_type=None if config is None else config.model_type, config={} if config is None else config.document.values,
    )  # fmt: skip


def _weight(tensor: TensorInfo, scope: Scope, dtype: DType) -> Weight:
    if tensor.dtype.kind is Kind.QUANTIZED:
        tensor = tensor._replace(dtype=dtype, nbytes=dtype.packed_nbytes(tensor.elements))
    owner = scope.owners.get(tensor.name)
    return Weight(
        name=tensor.name, shape=tensor.shape, dtype=tensor.dtype, nbytes=tensor.nbytes, module="" if owner == "/" else owner,
        buffer=is_buffer(tensor),
    )  # fmt: skip


def weights_dtype(scope: Scope) -> DType:
    """What packed weights are dequantized to: the dtype of the weights beside them."""
    sizes: dict[DType, int] = {}
    for tensor in scope.tensors:
        if tensor.dtype.kind is Kind.FLOAT and tensor.dtype.block_bytes > 1:
            sizes[tensor.dtype] = sizes.get(tensor.dtype, 0) + tensor.nbytes
    return max(sizes, key=lambda dtype: sizes[dtype], default=SAFETENSORS["BF16"])


def _kept(scope: Scope) -> frozenset[str]:
    """The modules that transformers does not convert unless told to: output embeddings, what is tied, what stays float32."""
    if scope.layout is None:
        return frozenset()
    tied = {name.removesuffix(".weight") for pair in scope.layout.tied for name in pair}
    return frozenset({*scope.layout.outputs, *tied, *scope.layout.fp32, *scope.layout.fp32_strict})
