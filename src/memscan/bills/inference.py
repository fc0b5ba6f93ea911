"""The bill of an inference: what each device holds while a model answers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from memscan.activations import Pass, forward
from memscan.architecture import Settings
from memscan.bills.bill import Bill, Share, peak, verdict
from memscan.bills.runtime import context, rounding
from memscan.bills.subject import Subject, subject
from memscan.bills.weight_items import WIDTH, dequantized, expert_buffer, offloaded, weight_items
from memscan.bills.workload import CONTEXT, LLAMA_CPP, TRANSFORMERS, VLLM, Workload
from memscan.cache import ENGINES, CacheRequest, kept, longest_context
from memscan.devices import Device
from memscan.errors import UsageError
from memscan.estimate import Report, dense
from memscan.item import Basis, Item
from memscan.note import Note
from memscan.parallel import Degrees, Stage
from memscan.units import plural

# vLLM 0.33 (vllm/engine/arg_utils.py): tokens of one pass and sequences at once, of a server on a GPU of less than 70 GiB.
VLLM_TOKENS, VLLM_SEQUENCES = 2_048, 256
VLLM_LARGE_TOKENS, VLLM_LARGE_SEQUENCES, LARGE = 8_192, 1_024, 70 << 30
UBATCH = 512  # tokens that llama.cpp computes at once by default (`n_ubatch`)


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
    longest = None if config is None else longest_context(Settings.of(config))
    workload = _filled(report, workload, longest)
    model = subject(report, dtype=workload.dtype, engine=workload.engine, degrees=workload.degrees)
    fixed = tuple(tuple(_fixed(model, stage, workload)) for stage in model.stages)
    return Prepared(model=model, workload=workload, longest=longest, fixed=fixed)


def inference(report: Report, workload: Workload, device: Device | None = None, count: int = 1) -> Bill:
    """The bill of `workload` for the scope of `report`, of the fullest device; beside `device`, if one is given.

    Raises UsageError as `prepare` does.
    """
    prepared = prepare(report, workload)
    model, workload = prepared.model, prepared.workload
    fullest, bills = prepared.fullest(context=workload.context or 1, batch=workload.batch, device=device)
    items = bills[fullest]
    shares = [
        Share(name=f"stage {stage.number}: layers {stage.layers.start}-{stage.layers.stop - 1}", nbytes=peak(lines).nbytes)
        for stage, lines in zip(model.stages, bills, strict=True)
    ]
    return Bill(
        report=report, command="inference", title=_title(model, workload), rule=ENGINES[workload.engine].version, items=items,
        host=offloaded(model, model.stages[fullest]) if workload.offload_experts else (),
        shares=tuple(shares) if len(shares) > 1 else (), devices=workload.degrees.devices,
        verdict=None if device is None else verdict(items, device, max(count, workload.degrees.devices)),
        facts=() if model.experts is None else (model.experts.fact,), notes=tuple(_offload_notes(model, workload)),
    )  # fmt: skip


def _filled(report: Report, workload: Workload, longest: int | None) -> Workload:
    """The workload with its context; UsageError where that is longer than the model's."""
    if workload.context is None:
        return replace(workload, context=CONTEXT if longest is None else min(CONTEXT, longest))
    if longest is not None and workload.context > longest:
        raise UsageError(
            f"--context {workload.context} is beyond the {longest:,} tokens that {report.model.origin.name} was made for;"
            f" expected at most {longest}"
        )
    return workload


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
            layers=stage.layers if workload.degrees.pipeline > 1 else None, encoder_tokens=workload.encoder_tokens,
        ),
    )  # fmt: skip
    yield from _working(model, stage, workload, device, sequences)
    if device is not None and device.kind == "ram":
        return  # no driver, and no caching allocator
    yield context(workload.cuda_context, workload.degrees.devices)
    if workload.engine != LLAMA_CPP:
        yield rounding(workload.allocator, stage.tensors)
    if workload.engine == VLLM and device is not None:
        yield _reserve(workload, device)


def _working(model: Subject, stage: Stage, workload: Workload, device: Device | None, sequences: int) -> Iterator[Item]:
    """What a forward pass makes: activations and logits."""
    is_last = stage is model.stages[-1]
    if workload.engine == LLAMA_CPP:
        yield _compute_buffer(model, workload)
        return
    if workload.engine == TRANSFORMERS:
        tokens = workload.prefill or workload.context or 1
        one = Pass(
            tokens=tokens, sequences=sequences, dtype=model.held.computes, attention=workload.attention,
            tensor_parallel=workload.degrees.tensor,
        )  # fmt: skip
        items = forward(model.settings, model.class_name, one, logits_tokens=1)
        yield from (item for item in items if is_last or item.name != "logits")
        return
    large = device is not None and device.usable_bytes >= LARGE
    tokens = workload.prefill or max(VLLM_LARGE_TOKENS if large else VLLM_TOKENS, 1)
    one = Pass(tokens=tokens, sequences=1, dtype=model.held.computes, tensor_parallel=workload.degrees.tensor)
    for item in forward(model.settings, model.class_name, one, logits_tokens=1):
        if item.name != "logits":
            yield _as_vllm(item, tokens)
    if is_last:
        yield from _sampler(model, workload.max_sequences or (VLLM_LARGE_SEQUENCES if large else VLLM_SEQUENCES))


def _as_vllm(item: Item, tokens: int) -> Item:
    """A line of transformers' pass as vLLM's, whose kernels have buffers of their own, and fuse what the other keeps apart."""
    if item.nbytes is None:
        return item
    return replace(
        item, basis=Basis.ASSUMED, least=item.nbytes // 2, most=2 * item.nbytes,
        note=f"of a pass of {tokens:,} tokens (--max-num-batched-tokens), as transformers computes it; vLLM measures its own",
    )  # fmt: skip


def _sampler(model: Subject, sequences: int) -> Iterator[Item]:
    """Logits of all sequences at once, in the model's dtype and in float32, when vLLM measures its peak (`profile_run`)."""
    vocabulary = model.settings.text.integer("vocab_size")
    if not vocabulary:
        yield Item(name="logits and sampler", nbytes=None, basis=Basis.UNKNOWN, note="the config does not say the vocabulary")
        return
    width = WIDTH[model.held.computes] + 4
    yield Item(
        name="logits and sampler", nbytes=sequences * vocabulary * width, basis=Basis.DERIVED, phases=frozenset({"logits"}),
        note="vLLM measures itself with --max-num-seqs sequences",
        formula=f"{sequences:,} sequences x {vocabulary:,} tokens of the vocabulary x ({width - 4} + 4) bytes",
        source="vLLM 0.33.0 gpu_model_runner `_dummy_sampler_run`",
    )  # fmt: skip


def _compute_buffer(model: Subject, workload: Workload) -> Item:
    """llama.cpp plans its graph ahead: with flash attention its largest tensors are the logits of one batch."""
    text, tokens = model.settings.text, workload.prefill or UBATCH
    vocabulary, hidden = text.integer("vocab_size"), text.integer("hidden_size", "n_embd", "d_model")
    if not vocabulary or not hidden:
        return Item(name="compute buffer", nbytes=None, basis=Basis.UNKNOWN, note="vocabulary and width are not known")
    nbytes = (vocabulary + hidden) * tokens * 4
    scores = (text.integer("num_attention_heads") or 0) * (workload.context or 0) * tokens * 4
    return Item(
        name="compute buffer", nbytes=nbytes, basis=Basis.ASSUMED, least=nbytes // 2, most=max(2 * nbytes, nbytes + scores),
        note="with flash attention; without it the scores of one batch come on top", phases=frozenset({"prefill"}),
        formula=f"({vocabulary:,} + {hidden:,}) x {tokens:,} tokens of a batch x 4 bytes", source="logs of llama.cpp",
    )  # fmt: skip


def _reserve(workload: Workload, device: Device) -> Item:
    share = workload.gpu_memory_utilization
    kept_free = device.usable_bytes - int(device.usable_bytes * share)
    return Item(
        name="kept free by the engine", nbytes=kept_free, basis=Basis.DERIVED,
        note=f"--gpu-memory-utilization {share:g}; vLLM fills the rest of its share with KV cache",
        formula=f"{device.usable_bytes:,} bytes x (1 - {share:g})", source="vLLM 0.33.0",
    )  # fmt: skip


def _title(model: Subject, workload: Workload) -> str:
    degrees = workload.degrees
    several = [
        f"{name} {value}"
        for name, value in (("tp", degrees.tensor), ("pp", degrees.pipeline), ("ep", degrees.expert))
        if value > 1
    ]
    return (
        f"{plural(workload.batch, 'sequence')} of {workload.context:,} tokens, weights {model.held.dtype}, computed in"
        f" {model.held.computes}" + (f", {', '.join(several)}: {degrees.devices} devices" if several else "")
    )


def _offload_notes(model: Subject, workload: Workload) -> Iterator[Note]:
    if workload.offload_experts and not any(offloaded(model, stage) for stage in model.stages):
        yield Note(code="no-experts", message="--offload-experts: this model has no routed experts")


def spread(report: Report, workload: Workload, count: int) -> Workload:
    """`workload` on `count` devices where it asks for one: layers cut between them all, or shared out where that does not go."""
    if count == 1 or workload.degrees.devices > 1:
        return workload
    config = report.model.config
    tensor = replace(workload, degrees=Degrees(tensor=count))
    if config is None:
        return tensor
    try:
        tensor.degrees.check_heads(Settings.of(config).text, workload.engine)
    except UsageError:
        return replace(workload, degrees=Degrees(pipeline=count))
    return tensor
