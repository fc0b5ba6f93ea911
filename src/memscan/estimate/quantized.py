"""A row for a quantization method: what it would make of the scope's dense tensors."""

from dataclasses import replace

from memscan.checkpoint import is_buffer
from memscan.dtype import SAFETENSORS, DType, Kind
from memscan.errors import UsageError
from memscan.estimate.base import WeightEstimate
from memscan.item import Basis
from memscan.model import Model, Scope
from memscan.modules import units
from memscan.note import Note
from memscan.quantizers import QUANTIZERS, Dense, Weight
from memscan.tensor import TensorInfo


def quantized_row(name: str, model: Model, scope: Scope) -> tuple[WeightEstimate | None, tuple[Note, ...]]:
    """The row of the method `name`, a key of `QUANTIZERS`, and what it says of its work; no row where it knows no answer."""
    try:
        made = QUANTIZERS[name].quantize(_dense(model, scope))
    except UsageError as error:
        return None, (Note(code="quantizer-unknown", message=f"{name} is not known for this model: {error}"),)
    sizes = [unit.nbytes for unit in units(made.tensors, block_of=scope.block_of, owners=scope.owners)]
    basis = Basis.DERIVED if made.assumed is None else Basis.ASSUMED
    row = WeightEstimate(
        dtype=name, scope=scope.name, stored=False, largest_layer_bytes=max(sizes, default=0), total_bytes=sum(sizes),
        training_bytes=None, basis=basis,
    )  # fmt: skip
    notes = [Note(code="quantizer", message=f"{name}: {made.note}")] if made.note is not None else []
    if made.assumed is not None:
        notes.append(Note(code="quantizer-assumed", message=f"{name}: {made.assumed}"))
    return row, tuple(notes)


def _dense(model: Model, scope: Scope) -> Dense:
    """The scope's tensors before any quantization; what is packed already is taken as dequantized."""
    dtype = _dtype(scope)
    weights = tuple(_weight(tensor, scope, dtype) for tensor in scope.tensors)
    parameters = [weight.name for weight in weights if not weight.buffer]
    config = model.config
    return Dense(
        weights=weights, kept=_kept(scope), last=parameters[-1] if parameters and scope.layout is not None else None,
        model_type=None if config is None else config.model_type, config={} if config is None else config.document.values,
    )  # fmt: skip


def _weight(tensor: TensorInfo, scope: Scope, dtype: DType) -> Weight:
    if tensor.dtype.kind is Kind.QUANTIZED:
        tensor = replace(tensor, dtype=dtype, nbytes=dtype.packed_nbytes(tensor.elements))
    owner = scope.owners.get(tensor.name)
    return Weight(
        name=tensor.name, shape=tensor.shape, dtype=tensor.dtype, nbytes=tensor.nbytes, module="" if owner == "/" else owner,
        buffer=is_buffer(tensor),
    )  # fmt: skip


def _dtype(scope: Scope) -> DType:
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
