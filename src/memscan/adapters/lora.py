"""LoRA on a model: two matrices of a rank for each module that it targets.

`LoraLayer.update_layer`, `Embedding.update_layer`, `ParamWrapper.update_layer` in
https://github.com/huggingface/peft/blob/v0.21.2/src/peft/tuners/lora/layer.py, DoRA's vector in dora.py beside it. The matrices
are in float32 where the module is in 2 bytes or fewer a value: `cast_adapter_dtype` in
https://github.com/huggingface/peft/blob/v0.21.2/src/peft/tuners/tuners_utils.py.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import prod

from memscan.adapters.base import Adapter
from memscan.adapters.experts import Part
from memscan.adapters.saved import saved_copies, saved_modules
from memscan.adapters.setting import Lora
from memscan.adapters.subclasses import EMBEDDING, classes_told
from memscan.adapters.targets import Targets, owners, targets
from memscan.dtype import SAFETENSORS, DType
from memscan.errors import UsageError
from memscan.quantizers.base import Dense, Weight
from memscan.quantizers.owners import assumption, owner
from memscan.tensor import TensorInfo

SOURCE = "peft 0.21.2 src/peft/tuners/lora/layer.py"
CONVOLUTIONS = frozenset({"Conv1d", "Conv2d", "Conv3d"})
WHOLE = 4  # bytes of a value of float32: what is narrower is trained in it
MATRIX = 2


def lora(dense: Dense, setting: Lora, *, class_name: str | None = None, outputs: Collection[str] | None = None) -> Adapter:
    """The adapter that `setting` makes on `dense`, the weights of one class.

    `class_name` is that of the model, the first of its config's `architectures` where it is None: by it a classifier's head is
    trained in full. `outputs` are its output embeddings, as a `Layout` has them; where it is None, all that transformers does not
    convert by default is taken for such. UsageError where no module matches, or where peft refuses one that does.
    """
    dense = classes_told(dense)
    saved = saved_modules(dense, class_name)
    found = targets(dense, setting, saved, outputs)
    tensors = tuple(_of_modules(dense, setting, found)) + tuple(_of_parameters(setting, found.parameters))
    modules: dict[str, int] = {}
    for module, tensor in tensors:
        modules[module] = modules.get(module, 0) + tensor.elements
    return Adapter(
        tensors=tuple(tensor for _, tensor in tensors), saved=saved_copies(dense, saved), modules=modules,
        formula=_formula(modules, setting), source=SOURCE, notes=tuple(_notes(found, saved.modules)),
        assumed=_assumed(dense, found),
    )  # fmt: skip


Named = tuple[str, TensorInfo]
"""A tensor with the module, or parameter, that it adapts."""


def _of_modules(dense: Dense, setting: Lora, found: Targets) -> Iterator[Named]:
    weights = owners(dense)
    for module in (*found.modules, *found.tied):
        layer, weight = found.linear.get(module), weights.get(module)
        if weight is None:
            weight = _head(dense, module)
            yield from _pair(module, setting, weight.shape, weight.dtype)
        elif layer is not None:
            yield from _pair(module, setting, (layer.rows, layer.columns), weight.dtype)
        elif owner(weight, dense.model_type) == EMBEDDING and len(weight.shape) == MATRIX:
            yield from _pair(module, setting, weight.shape[::-1], weight.dtype, infix="embedding_")
        elif owner(weight, dense.model_type) in CONVOLUTIONS and weight.shape[1] > 1:
            yield from _convolution(module, setting, weight)
        else:
            kind = owner(weight, dense.model_type) or "of a class of its own"
            raise UsageError(
                f"--lora targets {module}, which is {kind}: LoRA is counted for linear layers, embeddings, convolutions"
            )


def _pair(module: str, setting: Lora, shape: Sequence[int], dtype: DType, *, infix: str = "") -> Iterator[Named]:
    """The two matrices of a module of (out, in) features, and the magnitudes of DoRA."""
    rows, columns = shape
    yield module, _tensor(f"{module}.lora_{infix}A", (setting.rank, columns), dtype)
    yield module, _tensor(f"{module}.lora_{infix}B", (rows, setting.rank), dtype)
    if setting.dora:
        yield module, _tensor(f"{module}.lora_magnitude_vector", (rows,), dtype)


def _convolution(module: str, setting: Lora, weight: Weight) -> Iterator[Named]:
    """A convolution to the rank with the kernel of the module, and one back with a kernel of 1; of one group."""
    rows, columns, *kernel = weight.shape
    yield module, _tensor(f"{module}.lora_A", (setting.rank, columns, *kernel), weight.dtype)
    yield module, _tensor(f"{module}.lora_B", (rows, setting.rank, *[1] * len(kernel)), weight.dtype)
    if setting.dora:
        yield module, _tensor(f"{module}.lora_magnitude_vector", (1, rows, *[1] * len(kernel)), weight.dtype)


def _of_parameters(setting: Lora, parameters: Sequence[Part]) -> Iterator[Named]:
    """Those of experts, all of a layer in one pair of matrices, and of routers."""
    if parameters and (setting.dropout or setting.dora):
        refused = "dropout" if setting.dropout else "dora"
        raise UsageError(f"--lora has {refused}, which peft refuses for parameters of experts, and {parameters[0].name} is one")
    for one in parameters:
        rank = setting.rank * one.times * one.count
        yield one.name, _tensor(f"{one.name}.lora_A", (rank, one.columns), one.dtype)
        yield one.name, _tensor(f"{one.name}.lora_B", (one.rows, rank), one.dtype)


def _tensor(name: str, shape: tuple[int, ...], base: DType) -> TensorInfo:
    dtype = base if base.block_bytes > WHOLE * base.block else SAFETENSORS["F32"]
    return TensorInfo(name=name, dtype=dtype, shape=shape, offset=0, nbytes=dtype.packed_nbytes(prod(shape)), buffer=False)


def _head(dense: Dense, module: str) -> Weight:
    """The embedding that the output head `module` is tied to."""
    tied = [
        weight for name, weight in owners(dense).items() if name in dense.kept and owner(weight, dense.model_type) == EMBEDDING
    ]
    if len(tied) != 1 or len(tied[0].shape) != MATRIX:
        raise UsageError(f"--lora targets {module}, which has no weight of its own, and what it is tied to is not known")
    return tied[0]


def _formula(modules: Mapping[str, int], setting: Lora) -> str:
    more = " + out" if setting.dora else ""
    return f"{setting.rank:,} x (in + out){more} over {len(modules):,} modules = {sum(modules.values()):,} parameters"


def _assumed(dense: Dense, found: Targets) -> str | None:
    weights = owners(dense)
    convolutions = sum(len(weights[name].shape) > MATRIX for name in found.modules)
    parts = (
        assumption(dense),
        f"{found.shared[0]} and the like have their weights from other layers: peft adapts each of them, here one is counted"
        if found.shared
        else None,
        f"the {convolutions:,} convolutions are taken to have one group" if convolutions else None,
    )
    return "; ".join(part for part in parts if part) or None


def _notes(found: Targets, saved: Sequence[str]) -> Iterator[str]:
    if found.unmatched:
        yield f"of the targets, {', '.join(found.unmatched)} match nothing"
    if found.parameters:
        yield (
            f"{len(found.parameters):,} parameters of experts and routers are adapted: each expert has matrices of its own, with "
            "twice the rank where gate and up stand in one parameter"
        )
    if saved:
        yield f"{', '.join(saved)} is trained in full, as a copy"
