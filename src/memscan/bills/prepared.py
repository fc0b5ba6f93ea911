"""A model made ready for a workload, so that many contexts and batches can be tried on it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from memscan.architecture.settings import Settings
from memscan.bills.bill import peak
from memscan.bills.passes import working
from memscan.bills.runtime import context, reserve, rounding
from memscan.bills.subject import Subject, subject
from memscan.bills.weight_items import dequantized, expert_buffer, on_the_host, weight_items
from memscan.bills.workload import AUTO, CONTEXT, LLAMA_CPP, TRANSFORMERS, VLLM, Workload
from memscan.cache import CacheRequest, Cross, kept, longest_context, specs, usual_context
from memscan.devices import Device
from memscan.errors import UsageError
from memscan.estimate import Report
from memscan.estimate.dense import dense
from memscan.item import Item
from memscan.parallel import Degrees, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A model made ready for a dtype, an engine and degrees: what no context and no batch changes is worked out once."""

    model: Subject
    workload: Workload
    """With its context filled in."""
    longest: int | None
    """The longest context that the model was made for; None where it does not say."""
    fixed: tuple[tuple[Item, ...], ...]
    """Of each stage, the lines for what is loaded."""

    def items(self, stage: int, *, context: int, batch: int, device: Device | None) -> tuple[Item, ...]:
        """Every line of one device of `stage` for `batch` sequences of `context` tokens."""
        workload = replace(self.workload, context=context, batch=batch)
        return (*self.fixed[stage], *_moving(self.model, self.model.stages[stage], workload, device))

    def fullest(self, *, context: int, batch: int, device: Device | None) -> tuple[int, tuple[tuple[Item, ...], ...]]:
        """The stage that needs the most, and the lines of all."""
        bills = tuple(self.items(stage, context=context, batch=batch, device=device) for stage in range(len(self.fixed)))
        return max(range(len(bills)), key=lambda index: peak(bills[index]).nbytes), bills


def prepare(report: Report, workload: Workload) -> Prepared:
    """The scope of `report`, ready for `workload`.

    Raises UsageError for a workload that this model cannot have: a context beyond the longest, degrees that do not divide it.
    """
    workload.check()
    config = report.model.config
    settings = None if config is None else Settings.of(config)
    longest = None if settings is None else longest_context(settings)
    workload = _filled(report, workload, longest)
    _check_options(workload, settings)
    model = subject(report, dtype=workload.dtype, engine=workload.engine, degrees=workload.degrees)
    fixed = tuple(tuple(_fixed(model, stage, workload)) for stage in model.stages)
    return Prepared(model=model, workload=workload, longest=longest, fixed=fixed)


def spread(report: Report, workload: Workload, count: int) -> Workload:
    """`workload` on `count` devices where it asks for one: layers cut between them all, or shared out where that does not go."""
    if count == 1:
        return workload
    if workload.degrees.devices > 1:
        if workload.degrees.devices != count:
            raise UsageError(
                f"--device names {count} devices, and --tp, --pp, --ep ask for {workload.degrees.devices}; give as many, or one"
            )
        return workload
    config = report.model.config
    engine = _engine(report, workload)
    tensor = replace(workload, degrees=Degrees(tensor=count))
    if engine == LLAMA_CPP:
        return replace(workload, degrees=Degrees(pipeline=count))  # its default: --split-mode layer
    if config is None:
        return tensor
    try:
        tensor.degrees.check_heads(Settings.of(config).text, engine)
    except UsageError:
        return replace(workload, degrees=Degrees(pipeline=count))
    return tensor


def _filled(report: Report, workload: Workload, longest: int | None) -> Workload:
    """The workload with its engine and its context; UsageError where that is longer than the model's."""
    workload = replace(workload, engine=_engine(report, workload))
    if workload.context is None:
        config = report.model.config
        usual = None if config is None else usual_context(Settings.of(config))
        return replace(workload, context=CONTEXT if usual is None else min(CONTEXT, usual))
    if longest is not None and workload.context > longest:
        raise UsageError(
            f"--context {workload.context} is beyond the {longest:,} tokens that {report.model.origin.name} was made for;"
            f" expected at most {longest}"
        )
    return workload


def _check_options(workload: Workload, settings: Settings | None) -> None:
    """UsageError for options of another engine, or of another kind of model: they would be ignored in silence."""
    usual = Workload()
    for name, given, default, engines in (
        ("max-num-seqs", workload.max_sequences, usual.max_sequences, (VLLM,)),
        ("gpu-memory-utilization", workload.gpu_memory_utilization, usual.gpu_memory_utilization, (VLLM,)),
        ("attention", workload.attention, usual.attention, (TRANSFORMERS, LLAMA_CPP)),
        ("allocator", workload.allocator, usual.allocator, (TRANSFORMERS, VLLM)),
    ):
        if given != default and workload.engine not in engines:
            raise UsageError(f"--{name} is of --engine {' or '.join(engines)}, not of {workload.engine}")
    found = () if settings is None else specs(settings)
    seeing = any(not one.known or any(isinstance(part, Cross) for part in one.parts) for one in found)
    if workload.encoder_tokens is not None and found and not seeing:
        raise UsageError(
            "--encoder-tokens is of models with cross-attention; this one has no layer that sees an encoder or an image"
        )


def _engine(report: Report, workload: Workload) -> str:
    if workload.engine != AUTO:
        return workload.engine
    return LLAMA_CPP if report.model.checkpoint.format == "gguf" else TRANSFORMERS


def _fixed(model: Subject, stage: Stage, workload: Workload) -> Iterator[Item]:
    """The lines for what is loaded."""
    yield from weight_items(model, stage, offload_experts=workload.offload_experts)
    if workload.offload_experts:
        yield from expert_buffer(model, stage, workload.engine)
    if workload.engine != LLAMA_CPP:
        yield from dequantized(model, dense(model.report.model, model.scope))


def _moving(model: Subject, stage: Stage, workload: Workload, device: Device | None) -> Iterator[Item]:
    """The lines that depend on the context, the batch and the device."""
    sequences = -(-workload.batch // workload.degrees.replicas)
    yield from kept(
        model.settings,
        CacheRequest(
            engine=workload.engine, tokens=workload.context or 1, sequences=sequences, dtype=workload.kv_dtype,
            model_dtype=model.held.computes, tensor_parallel=workload.degrees.tensor,
            heads_whole=model.heads_whole, states_whole=model.states_whole,
            layers=stage.layers if workload.degrees.pipeline > 1 else None, encoder_tokens=workload.encoder_tokens,
        ),
    )  # fmt: skip
    yield from working(model, stage, workload, device, sequences)
    if device is not None and device.shares_memory:
        yield from on_the_host(model, stage, offload_experts=workload.offload_experts)
    if device is not None and not device.cuda:
        return
    yield context(workload.cuda_context, workload.degrees.devices)
    if workload.engine != LLAMA_CPP:
        yield rounding(workload.allocator, stage.tensors)
    if workload.engine == VLLM and device is not None:
        yield reserve(workload.gpu_memory_utilization, device)
