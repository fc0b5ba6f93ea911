"""The lines of a bill for what a forward pass makes: activations and logits, engine by engine."""

from collections.abc import Iterator
from dataclasses import replace

from memscan.activations import Pass, forward
from memscan.bills.dequantized_cache import beside_quantized, is_quantized
from memscan.bills.subject import Subject
from memscan.bills.weight_items import WIDTH
from memscan.bills.workload import LLAMA_CPP, TRANSFORMERS, Workload
from memscan.devices import Device
from memscan.item import Basis, Item
from memscan.parallel import Stage

# vLLM 0.33 (vllm/engine/arg_utils.py): tokens of one pass and sequences at once, of a server on a GPU of less than 70 GiB.
VLLM_TOKENS, VLLM_SEQUENCES = 2_048, 256
VLLM_LARGE_TOKENS, VLLM_LARGE_SEQUENCES, LARGE = 8_192, 1_024, 70 << 30
WRITING = ("ForCausalLM", "LMHead", "ForConditionalGeneration")  # in names of classes that make logits of a vocabulary
FULL = 4  # bytes of float32
SORTED = 10  # times the float32 logits: what logs of releases that sort them show at most
UBATCH = 512  # tokens that llama.cpp computes at once by default (`n_ubatch`)


def working(model: Subject, stage: Stage, workload: Workload, device: Device | None, sequences: int) -> Iterator[Item]:
    """What a forward pass makes: activations and logits."""
    is_last = stage is model.stages[-1]
    if workload.engine == LLAMA_CPP:
        yield _compute_buffer(model, workload)
        return
    if workload.engine == TRANSFORMERS:
        context = workload.context or 1
        one = Pass(
            tokens=context, sequences=sequences, dtype=model.held.computes, attention=workload.attention,
            tensor_parallel=workload.degrees.tensor, heads_whole=model.attends_whole,
        )  # fmt: skip
        items = [item for item in _largest(model, one, workload.prefill or context) if is_last or item.name != "logits"]
        last = replace(one, tokens=1, past=context - 1)
        if context > 1:
            items += _decoding(model, last)
        if is_quantized(workload.kv_dtype):
            ranks = 1 if model.heads_whole else workload.degrees.tensor
            items = [one if one.name == "logits" else beside_quantized(one, model.settings, last, ranks=ranks) for one in items]
        yield from items
        return
    large = device is not None and device.usable_bytes >= LARGE
    tokens = workload.prefill or max(VLLM_LARGE_TOKENS if large else VLLM_TOKENS, 1)
    one = Pass(tokens=tokens, sequences=1, dtype=model.held.computes, tensor_parallel=workload.degrees.tensor)
    for item in forward(model.settings, model.class_name, one, logits_tokens=1):
        if item.name != "logits":
            yield _as_vllm(item, tokens)
    yield from _rotary_table(model)
    if is_last and any(word in (model.class_name or WRITING[0]) for word in WRITING):
        yield from _sampler(model, workload.max_sequences or (VLLM_LARGE_SEQUENCES if large else VLLM_SEQUENCES))


def _largest(model: Subject, prompt: Pass, tokens: int) -> tuple[Item, ...]:
    """The lines of the pass that makes the most, where the prompt is read `tokens` at a time: each asks all that were before.

    That is the last whole pass or what is left after it; the first one, which needs no mask, only where it is the only whole one.
    """
    whole, rest = divmod(prompt.tokens, tokens)
    if whole == 0:
        return forward(model.settings, model.class_name, prompt, logits_tokens=1)
    passes = [replace(prompt, tokens=tokens, past=(whole - 1) * tokens)]
    if rest:
        passes.append(replace(prompt, tokens=rest, past=whole * tokens))
    bills = [forward(model.settings, model.class_name, one, logits_tokens=1) for one in passes]
    return max(bills, key=lambda items: max(item.nbytes or 0 for item in items))


def _decoding(model: Subject, one: Pass) -> Iterator[Item]:
    """The last token that is written: hardly any activations, but a layer's keys and values are copied to take it in."""
    for item in forward(model.settings, model.class_name, one, logits_tokens=1):
        if item.name != "logits" and item.nbytes is not None:
            yield replace(item, phases=frozenset({"decode"}))


def _rotary_table(model: Subject) -> Iterator[Item]:
    """Cosines and sines of all positions, which vLLM makes once (`RotaryEmbedding._compute_cos_sin_cache`)."""
    text = model.settings.text
    positions, width = text.integer("max_position_embeddings"), text.integer("head_dim", "qk_rope_head_dim")
    if positions and width and text.get("rope_theta", "rope_parameters", "rope_scaling") is not None:
        size = WIDTH[model.held.computes]
        yield Item(
            name="rotary table", nbytes=positions * width * size, basis=Basis.ASSUMED, least=0, most=2 * positions * width * size,
            note="if all of a head is rotated, and by one table", source="vLLM 0.33.0 rotary_embedding/base.py",
            formula=f"{positions:,} positions x {width:,} x {size} bytes",
        )  # fmt: skip


def _as_vllm(item: Item, tokens: int) -> Item:
    """A line of transformers' pass as vLLM's, whose kernels have buffers of their own, and fuse what the other keeps apart."""
    if item.nbytes is None:
        return item
    return replace(
        item, basis=Basis.ASSUMED, least=item.nbytes // 2, most=2 * item.nbytes,
        note=f"of a pass of {tokens:,} tokens (--max-num-batched-tokens), as transformers computes it; vLLM measures its own",
    )  # fmt: skip


def _sampler(model: Subject, sequences: int) -> Iterator[Item]:
    """Logits of all sequences at once, in the model's dtype and in float32, when vLLM measures its peak (`profile_run`).

    A release that sorts them for top-k and top-p holds several copies more: logs up to 0.11 are 8 to 10 times the float32 logits.
    """
    vocabulary = model.settings.text.integer("vocab_size")
    if not vocabulary:
        yield Item(name="logits and sampler", nbytes=None, basis=Basis.UNKNOWN, note="the config does not say the vocabulary")
        return
    width, amount = WIDTH[model.held.computes] + FULL, sequences * vocabulary
    yield Item(
        name="logits and sampler", nbytes=amount * width, basis=Basis.ASSUMED, phases=frozenset({"logits"}),
        least=amount * FULL, most=amount * SORTED * FULL,
        note="vLLM measures itself with --max-num-seqs sequences; releases that sort for top-k and top-p take more",
        formula=f"{sequences:,} sequences x {vocabulary:,} tokens of the vocabulary x ({width - FULL} + {FULL}) bytes",
        source="vLLM 0.33.0 gpu_model_runner `_dummy_sampler_run`",
    )  # fmt: skip


def _compute_buffer(model: Subject, workload: Workload) -> Item:
    """llama.cpp plans its graph ahead. With flash attention its largest tensors are the logits of one batch.

    Without it they are the scores of all heads with the mask and the states beside them, where those are more: four logs of Llama
    models agree to 0.1 MiB.
    """
    text = model.settings.text
    tokens = min(
        workload.prefill or UBATCH, max(UBATCH, (workload.context or 1) * workload.batch)
    )  # `n_batch` is at most `n_ctx`
    vocabulary, hidden = text.integer("vocab_size"), text.integer("hidden_size", "n_embd", "d_model")
    heads, context = text.integer("num_attention_heads", "n_head"), workload.context or 1
    if not vocabulary or not hidden or not heads:
        return Item(name="compute buffer", nbytes=None, basis=Basis.UNKNOWN, note="vocabulary, width or heads are not known")
    logits, scores = (vocabulary + hidden) * tokens * FULL, (heads * context + context + 4 * hidden) * tokens * FULL
    eager = workload.attention == "eager" and scores > logits
    formula = f"({vocabulary:,} + {hidden:,}) x {tokens:,} tokens of a batch x {FULL} bytes"
    if eager:
        formula = f"({heads:,} heads x {context:,} + {context:,} + 4 x {hidden:,}) x {tokens:,} tokens of a batch x {FULL} bytes"
    return Item(
        name="compute buffer", nbytes=scores if eager else logits, basis=Basis.ASSUMED, least=logits // 2,
        most=max(2 * logits, 2 * scores if eager else scores), phases=frozenset({"prefill"}), formula=formula,
        source="logs of llama.cpp",
        note="without flash attention" if eager else "with flash attention; --attention eager for none",
    )  # fmt: skip
