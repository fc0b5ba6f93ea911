"""The lines of a bill for what is loaded: weights, experts, buffers, and the dense copy that 4-bit methods make of one layer."""

from collections.abc import Iterator, Sequence

from memscan.bills.experts import is_embedding
from memscan.bills.held import Held
from memscan.bills.subject import Subject, divided
from memscan.bills.workload import LLAMA_CPP
from memscan.item import Basis, Item
from memscan.parallel import Stage
from memscan.quantizers.base import Dense
from memscan.quantizers.layers import layers
from memscan.tensor import TensorInfo
from memscan.units import plural

DEQUANTIZING = ("bitsandbytes", "bnb-nf4", "bnb-nf4-dq", "hqq", "hqq-4bit-g64")
WIDTH = {"float32": 4, "float16": 2, "bfloat16": 2}


def weight_items(subject: Subject, stage: Stage, *, offload_experts: bool) -> Iterator[Item]:
    """What one device of `stage` holds of the checkpoint."""
    plain, routed, buffers = divided(stage.tensors)
    experts = subject.experts
    if experts is None:
        plain, routed = [*plain, *routed], []
    if subject.engine == LLAMA_CPP and not subject.scope.tied:
        plain = [tensor for tensor in plain if not is_embedding(tensor.name)]
    yield _weights(subject, "weights", plain)
    if routed and not offload_experts:
        yield _weights(subject, f"weights: {plural(experts.count if experts else 0, 'routed expert')} a layer", routed)
    if buffers:
        formula = f"{plural(len(buffers), 'buffer')} of the class, such as rotary frequencies"
        yield Item(name="buffers", nbytes=subject.nbytes(buffers), basis=Basis.DERIVED, formula=formula)


def on_the_host(subject: Subject, stage: Stage, *, offload_experts: bool) -> tuple[Item, ...]:
    """What a device of `stage` leaves in the memory of the CPU.

    llama.cpp never offloads the input embedding: `load_tensors` of src/llama-model.cpp gives the input layer to the CPU. A head
    that is tied to it is a copy on the device.
    """
    plain, routed, _ = divided(stage.tensors)
    found = [_weights(subject, "weights: routed experts", routed)] if routed and offload_experts else []
    embedding = [tensor for tensor in plain if is_embedding(tensor.name)] if subject.engine == LLAMA_CPP else []
    return (*found, _weights(subject, "weights: input embedding", embedding)) if embedding else tuple(found)


def expert_buffer(subject: Subject, stage: Stage, engine: str) -> Iterator[Item]:
    """What the device holds of experts that stay on the CPU, while a layer of them works."""
    _, routed, _ = divided(stage.tensors)
    if not routed:
        return
    if engine == LLAMA_CPP:
        yield Item(name="experts in work", nbytes=0, basis=Basis.DERIVED, note="llama.cpp computes them on the CPU (--cpu-moe)")
        return
    groups: dict[str, int] = {}
    for tensor in routed:
        module = tensor.name.partition(".experts.")[0]
        groups[module] = groups.get(module, 0) + subject.sharding.nbytes(tensor)
    yield Item(
        name="experts in work", nbytes=max(groups.values()), basis=Basis.ASSUMED, least=0, most=2 * max(groups.values()),
        note="one layer's experts are copied to the device while they work", formula="the largest layer's experts",
        source="accelerate 1.15 AlignDevicesHook",
    )  # fmt: skip


def _weights(subject: Subject, name: str, tensors: Sequence[TensorInfo]) -> Item:
    loaded, degrees = subject.held, subject.sharding.degrees
    shared = degrees.tensor > 1 or degrees.expert > 1
    basis = loaded.basis if not shared or subject.planned else Basis.ASSUMED
    if shared and basis is Basis.MEASURED:
        basis = Basis.DERIVED
    whole = sum(tensor.nbytes for tensor in tensors)
    formula = f"{plural(len(tensors), 'tensor')}, {loaded.dtype}: {whole:,} bytes"
    if shared:
        formula += f" shared by tp {degrees.tensor}, ep {degrees.expert}, what is not cut whole on each rank"
    note = loaded.note if name == "weights" else ""
    if basis is Basis.ASSUMED and shared and not subject.planned:
        note = f"{subject.engine} has no plan for this model: cut as vLLM cuts tensors of these names"
    nbytes = subject.nbytes(tensors)
    # What is cut by names may be whole on each rank; a quantizer that judged by names may take more or less.
    most = whole if basis is Basis.ASSUMED and shared else None
    return Item(name=name, nbytes=nbytes, basis=basis, note=note, formula=formula, most=most, least=None)


def dequantized(subject: Subject, dense: Dense) -> Iterator[Item]:
    """The buffer of methods that make one linear layer dense at a time."""
    method = subject.held.dtype if subject.held.packed else None
    declared = subject.report.model.quantized
    name = method if method in DEQUANTIZING else None if declared is None or not subject.held.packed else declared.method
    if name not in DEQUANTIZING or method == "bnb-int8":
        return
    if declared is not None and declared.method == "bitsandbytes" and not declared.settings.get("load_in_4bit"):
        return
    width, word = _compute_width(subject, name)
    found = largest_linear(dense, subject.held, width, frozenset({"prefill", "decode"}), f"made dense in {word} while it works")
    if found is not None:
        yield found


def largest_linear(dense: Dense, loaded: Held, width: int, phases: frozenset[str], note: str) -> Item | None:
    """The largest packed linear layer with `width` bytes a value; None where no layer is packed."""
    packed = {tensor.name for tensor in loaded.tensors if tensor.nbytes < tensor.elements}
    largest = max((one for one in layers(dense) if one.name in packed), key=lambda one: one.elements, default=None)
    if largest is None:
        return None
    return Item(
        name="dequantization buffer", nbytes=largest.elements * width, basis=Basis.DERIVED, phases=phases,
        note=f"{largest.module}: {note}", formula=f"{largest.rows:,} x {largest.columns:,} x {width} bytes",
        source="bitsandbytes 0.50 `MatMul4Bit`, hqq 0.2.8",
    )  # fmt: skip


def _compute_width(subject: Subject, name: str) -> tuple[int, str]:
    """`bnb_4bit_compute_dtype` is float32 unless the config says otherwise; others work in the model's dtype."""
    if name.startswith("hqq"):
        return WIDTH[subject.held.computes], subject.held.computes
    declared = subject.report.model.quantized
    given = None if declared is None else declared.settings.get("bnb_4bit_compute_dtype")
    word = given if isinstance(given, str) and given in WIDTH else "float32"
    return WIDTH[word], word
