"""The lines of a bill for what is loaded: weights, experts, buffers, and the dense copy that 4-bit methods make of one layer."""

from collections.abc import Iterator, Sequence

from memscan.bills.subject import Subject, divided
from memscan.item import Basis, Item
from memscan.parallel import Stage
from memscan.quantizers import Dense, layers
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
    yield _weights(subject, "weights", plain)
    if routed and not offload_experts:
        yield _weights(subject, f"weights: {plural(experts.count if experts else 0, 'routed expert')} a layer", routed)
    if buffers:
        formula = f"{plural(len(buffers), 'buffer')} of the class, such as rotary frequencies"
        yield Item(name="buffers", nbytes=subject.nbytes(buffers), basis=Basis.DERIVED, formula=formula)


def offloaded(subject: Subject, stage: Stage) -> tuple[Item, ...]:
    """The routed experts in the memory of the CPU."""
    _, routed, _ = divided(stage.tensors)
    return (_weights(subject, "weights: routed experts", routed),) if routed else ()


def expert_buffer(subject: Subject, stage: Stage, engine: str) -> Iterator[Item]:
    """What the device holds of experts that stay on the CPU, while a layer of them works."""
    _, routed, _ = divided(stage.tensors)
    if not routed:
        return
    if engine == "llama.cpp":
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
        note = "transformers has no plan for this model: cut as vLLM cuts tensors of these names"
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
    largest = max(layers(dense), key=lambda one: one.elements, default=None)
    if largest is None:
        return
    width, word = _compute_width(subject, name)
    yield Item(
        name="dequantization buffer", nbytes=largest.elements * width, basis=Basis.DERIVED, phases=frozenset({"prefill"}),
        note=f"{largest.module} is made dense in {word} while it works",
        formula=f"{largest.rows:,} x {largest.columns:,} x {width} bytes", source="bitsandbytes 0.50 `MatMul4Bit`, hqq 0.2.8",
    )  # fmt: skip


def _compute_width(subject: Subject, name: str) -> tuple[int, str]:
    """`bnb_4bit_compute_dtype` is float32 unless the config says otherwise; others work in the model's dtype."""
    if name.startswith("hqq"):
        return WIDTH[subject.held.computes], subject.held.computes
    declared = subject.report.model.quantized
    given = None if declared is None else declared.settings.get("bnb_4bit_compute_dtype")
    word = given if isinstance(given, str) and given in WIDTH else "float32"
    return WIDTH[word], word
