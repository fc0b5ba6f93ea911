"""The tensors of a scope in the dtype that they are loaded in."""

from dataclasses import dataclass, replace

from memscan.bills.workload import VLLM
from memscan.checkpoint import is_buffer
from memscan.dtype import CASTS, STORED_AS, Kind
from memscan.errors import UsageError
from memscan.estimate import Report, cast_dtypes
from memscan.estimate.dense import dense, weights_dtype
from memscan.item import Basis
from memscan.model import Scope
from memscan.quantizers import QUANTIZER_NAMES, QUANTIZERS
from memscan.tensor import TensorInfo

WHOLE = "float32"
COMPUTED_IN = (WHOLE, "float16", "bfloat16")
HALF = "bfloat16"  # what packed or ideal weights are worked with where nothing says otherwise
NARROWED = "vLLM holds float32 weights in 16 bits, float16 where the device has no bfloat16; --dtype fp32 keeps them"
"""`_resolve_auto_dtype` of vllm/config/model.py: "Downcast for float32 models"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a loader holds of a scope."""

    tensors: tuple[TensorInfo, ...]
    """In the order of the scope; `nbytes` are those of the loaded tensor."""
    dtype: str
    """The name of the dtype or method; `as stored`."""
    computes: str
    """The dtype that the model works in: float32, float16 or bfloat16."""
    basis: Basis
    note: str = ""
    packed: bool = False
    """Whether the weights are quantized."""


def held(report: Report, dtype: str | None, engine: str | None = None) -> Held:
    """The scope of `report`, loaded in `dtype`, None for what `engine` does by itself; UsageError where that cannot be known."""
    scope = report.scopes[report.scope]
    if dtype is None and engine == VLLM and _stored(scope) == WHOLE and report.model.quantization is None:
        return replace(held(report, _narrowed(report)), note=NARROWED)
    if dtype is None or dtype == _stored(scope):
        basis = Basis.MEASURED if report.model.checkpoint.shards and all(map(is_buffer, scope.created)) else Basis.DERIVED
        packed = report.model.quantization is not None
        computes = _computes(report, scope, engine if dtype is None else None)
        return Held(tensors=scope.tensors, dtype=_stored(scope) or "as stored", computes=computes, basis=basis, packed=packed)
    if scope.parameters is None:
        raise UsageError(
            f"--dtype {dtype} is not known for packed weights of which the parameters are not known: {scope.unknown}"
        )
    if dtype in QUANTIZER_NAMES:
        made = QUANTIZERS[dtype].quantize(dense(report.model, scope))
        return Held(
            tensors=made.tensors, dtype=dtype, computes=_computes(report, scope, engine), packed=True,
            basis=Basis.DERIVED if made.assumed is None else Basis.ASSUMED, note=made.assumed or made.note or "",
        )  # fmt: skip
    tensors = tuple(
        tensor if tensor.dtype == new else tensor._replace(dtype=new, nbytes=new.packed_nbytes(tensor.elements))
        for tensor, new in cast_dtypes(scope, CASTS[dtype])
    )
    return Held(tensors=tensors, dtype=dtype, computes=dtype if dtype in COMPUTED_IN else HALF, basis=Basis.DERIVED)


def _stored(scope: Scope) -> str | None:
    """The one dtype of all floating tensors; None where there are several, or packed ones."""
    weights = (one for one in scope.tensors if one.dtype.kind in (Kind.FLOAT, Kind.QUANTIZED) and not is_buffer(one))
    names = {STORED_AS.get(one.dtype.name) for one in weights}
    return names.pop() if len(names) == 1 else None


def _computes(report: Report, scope: Scope, engine: str | None) -> str:
    """The dtype that the model works in: of its dense weights, or what the config says where those are narrower."""
    found = _of_weights(report, scope)
    return _narrowed(report) if engine == VLLM and found == WHOLE else found


def _of_weights(report: Report, scope: Scope) -> str:
    name = STORED_AS.get(weights_dtype(scope).name)
    if name in COMPUTED_IN and any(one.dtype.name == weights_dtype(scope).name for one in scope.tensors):
        return name
    return _declared(report) or HALF


def _narrowed(report: Report) -> str:
    """What vLLM works in where the weights are float32."""
    declared = _declared(report)
    return HALF if declared is None or declared == WHOLE else declared


def _declared(report: Report) -> str | None:
    """The dtype that the config says the model works in; None where it says none of those."""
    config = report.model.config
    declared = None if config is None else config.document.values.get("dtype", config.document.values.get("torch_dtype"))
    return declared if isinstance(declared, str) and declared in COMPUTED_IN else None
