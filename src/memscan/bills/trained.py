"""What a training step changes, and what it leaves as it is: all weights of a model, or adapters on frozen ones."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain

from memscan.adapters import Adapter, classes_told, lora, upcast
from memscan.bills.held import Held, held
from memscan.bills.recipe import QLORA, Recipe
from memscan.checkpoint import is_buffer
from memscan.dtype import SAFETENSORS, DType, Kind
from memscan.errors import UsageError
from memscan.estimate import Report
from memscan.estimate.dense import dense
from memscan.model import Role, Scope
from memscan.optimizers import Trained
from memscan.parallel import Precision, Unit
from memscan.quantizers.base import Dense
from memscan.tensor import TensorInfo

WHOLE = 4
TRAINABLE = (Kind.FLOAT, Kind.QUANTIZED)  # blocks of a quantization are trained once they are dense


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """The weights of one step."""

    trained: tuple[Trained, ...]
    """Those that get gradients."""
    precision: Precision
    """What a value of them takes."""
    frozen: tuple[TensorInfo, ...]
    """Weights that do not, in the dtype that they are held in."""
    upcast: int
    """Bytes by which peft widens what a quantization has left of them."""
    buffers: int
    """Bytes of the buffers."""
    adapter: Adapter | None
    base: Held | None
    """How the frozen weights are held."""
    dense: Dense
    units: tuple[Unit, ...]
    """The blocks, trained or not."""
    root: Unit
    """All that no block has."""


def subjects(report: Report, recipe: Recipe, precision: Precision) -> Subjects:
    """The weights of `report` in the hands of `recipe`; UsageError where they cannot be trained so."""
    scope = report.scopes[report.scope]
    if any(part.role is Role.ADAPTER for part in report.model.parts):
        raise UsageError(
            f"{report.model.origin.requested} is an adapter: give its base model, and --lora with the adapter's settings"
        )
    if scope.parameters is None:
        raise UsageError(f"training is not known for packed weights of which the parameters are not known: {scope.unknown}")
    weights = classes_told(dense(report.model, scope))
    parameters = [tensor for tensor in scope.tensors if not is_buffer(tensor)]
    buffers = sum(tensor.nbytes for tensor in scope.tensors if is_buffer(tensor))
    if recipe.lora is None:
        if recipe.qlora is not None:
            raise UsageError("--qlora quantizes weights under adapters: give --lora r=16,targets=all-linear too")
        trained = _all(parameters, weights, scope, precision.stepped)
        rest = tuple(tensor for tensor in parameters if tensor.dtype.kind not in TRAINABLE)
        units, root = _units(scope, trained, ((tensor, tensor.nbytes) for tensor in rest), precision.compute)
        return Subjects(
            trained=trained, precision=precision, frozen=rest, upcast=0, buffers=buffers, adapter=None, base=None, dense=weights,
            units=units, root=root,
        )  # fmt: skip
    base, method = _base(report, recipe, precision)
    outputs = None if scope.layout is None else scope.layout.outputs
    adapter = lora(weights, recipe.lora, class_name=scope.class_name, outputs=outputs)
    values = _of_adapters(adapter, precision)
    frozen = tuple(tensor for tensor in base.tensors if not is_buffer(tensor))
    widened = [0 if method is None else upcast((tensor,), method) for tensor in frozen]
    trained = tuple(Trained(name=one.name, shape=one.shape, dtype=values.stepped) for one in adapter.trained)
    sizes = (tensor.nbytes + more for tensor, more in zip(frozen, widened, strict=True))
    units, root = _units(scope, trained, zip(frozen, sizes, strict=True), values.compute)
    return Subjects(
        trained=trained, precision=values, frozen=frozen, upcast=sum(widened), buffers=buffers, adapter=adapter, base=base,
        dense=weights, units=units, root=root,
    )  # fmt: skip


def _of_adapters(adapter: Adapter, precision: Precision) -> Precision:
    """DeepSpeed casts adapters as it casts everything; elsewhere they are trained in the dtype that peft gives them."""
    if precision.engine == "deepspeed":
        return precision
    width = max((one.dtype.block_bytes for one in adapter.trained), default=WHOLE)
    stepped = SAFETENSORS["F32"] if width == WHOLE else precision.stepped
    return replace(precision, weights=width, gradients=width, stepped=stepped)


def _base(report: Report, recipe: Recipe, precision: Precision) -> tuple[Held, str | None]:
    """The frozen weights, and the quantization for which peft widens what it has left of them."""
    if recipe.qlora is not None:
        method = QLORA[recipe.qlora]
        return held(report, method), method
    if report.model.quantization is not None:
        return held(report, None), report.model.quantization
    half = "float16" if recipe.precision.startswith("fp16") else "bfloat16"
    return held(report, "float32" if precision.weights == WHOLE else half), None


def _all(parameters: Iterable[TensorInfo], weights: Dense, scope: Scope, stepped: DType) -> tuple[Trained, ...]:
    owners = {weight.name: weight.module for weight in weights.weights}
    heads = set() if scope.layout is None else {f"{name}.weight" for name in scope.layout.outputs}
    return tuple(
        Trained(
            name=one.name, shape=one.shape, dtype=stepped, embedding=owners.get(one.name) == "Embedding",
            hidden_matrix=False if one.name in heads else None,
        )
        for one in parameters if one.dtype.kind in TRAINABLE
    )  # fmt: skip


def _units(
    scope: Scope, trained: Iterable[Trained], frozen: Iterable[tuple[TensorInfo, int]], size: int
) -> tuple[tuple[Unit, ...], Unit]:
    """The blocks, and the rest; `frozen` with the bytes that each is held in, and stays in where `size` a value would be more."""
    blocks: dict[str, Unit] = {}
    root = Unit()
    weights = chain(
        ((one.name, Unit(elements=one.elements)) for one in trained),
        (
            (one.name, Unit(packed=nbytes) if nbytes < one.elements * size else Unit(elements=one.elements))
            for one, nbytes in frozen
        ),
    )
    for name, unit in weights:
        block = scope.block_of(name.rpartition(".")[0])
        if block is None:
            root += unit
        else:
            blocks[block] = blocks.get(block, Unit()) + unit
    return tuple(blocks.values()), root
