"""The lines of a bill for what a forward pass makes: activations and logits, engine by engine."""

from collections.abc import Iterator
from dataclasses import replace

from memscan.activations import Pass, forward
from memscan.bills.subject import Subject
from memscan.bills.weight_items import WIDTH
from memscan.bills.workload import LLAMA_CPP, TRANSFORMERS, Workload
from memscan.devices import Device
from memscan.item import Basis, Item
from memscan.parallel import Stage

# vLLM 0.33 (vllm/engine/arg_utils.py): tokens of one pass and sequences at once, of a server on a GPU of less than 70 GiB.
VLLM_TOKENS, VLLM_SEQUENCES = 2_048, 256
VLLM_LARGE_TOKENS, VLLM_LARGE_SEQUENCES, LARGE = 8_192, 1_024, 70 << 30
UBATCH = 512  # tokens that llama.cpp computes at once by default (`n_ubatch`)


def working(model: Subject, stage: Stage, workload: Workload, device: Device | None, sequences: int) -> Iterator[Item]:
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
        if (workload.context or 1) > 1:
            yield from _decoding(model, replace(one, tokens=1, past=(workload.context or 1) - 1))
        return
    large = device is not None and device.usable_bytes >= LARGE
    tokens = workload.prefill or max(VLLM_LARGE_TOKENS if large else VLLM_TOKENS, 1)
    one = Pass(tokens=tokens, sequences=1, dtype=model.held.computes, tensor_parallel=workload.degrees.tensor)
    for item in forward(model.settings, model.class_name, one, logits_tokens=1):
        if item.name != "logits":
            yield _as_vllm(item, tokens)
    if is_last:
        yield from _sampler(model, workload.max_sequences or (VLLM_LARGE_SEQUENCES if large else VLLM_SEQUENCES))


def _decoding(model: Subject, one: Pass) -> Iterator[Item]:
    """The last token that is written: hardly any activations, but a layer's keys and values are copied to take it in."""
    for item in forward(model.settings, model.class_name, one, logits_tokens=1):
        if item.name != "logits" and item.nbytes is not None:
            yield replace(item, phases=frozenset({"decode"}))


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
