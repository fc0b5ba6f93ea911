"""The library's doors to bills: a report and plain words in, a bill out."""

from typing import Any

from memscan.adapters import lora_setting
from memscan.bills.bill import Bill
from memscan.bills.inference import inference_bill
from memscan.bills.prepared import spread
from memscan.bills.recipe import Recipe, on_devices
from memscan.bills.training import training_bill
from memscan.bills.workload import AUTO, Workload
from memscan.devices import builtin, parse_device
from memscan.document import shown
from memscan.dtype import SHORT
from memscan.errors import UsageError
from memscan.estimate import Report
from memscan.parallel import Degrees
from memscan.quantizers import DTYPES


def estimate_inference(
    report: Report,
    *,
    context: int | None = None,
    batch: int = 1,
    dtype: str | None = None,
    kv_dtype: str | None = None,
    engine: str = AUTO,
    attention: str = "sdpa",
    tp: int = 1,
    pp: int = 1,
    ep: int = 1,
    offload_experts: bool = False,
    encoder_tokens: int | None = None,
    prefill: int | None = None,
    max_num_seqs: int | None = None,
    gpu_memory_utilization: float = 0.92,
    cuda_context: int | None = None,
    allocator: int | None = None,
    device: str | None = None,
) -> Bill:
    """What the model of `report` (from `memscan.scan`) takes to answer `batch` sequences of `context` tokens.

    `dtype` is a name in `memscan.DTYPES`, None for the weights as they are stored; `device` a word such as `rtx-4090`,
    `4xh100` or `24GiB`. Sizes are bytes. Raises UsageError for what makes no sense for this model; requests nothing.
    """
    workload = workload_of(
        context=context, batch=batch, dtype=dtype, kv_dtype=kv_dtype, engine=engine, attention=attention, tp=tp, pp=pp, ep=ep,
        offload_experts=offload_experts, encoder_tokens=encoder_tokens, prefill=prefill, max_num_seqs=max_num_seqs,
        gpu_memory_utilization=gpu_memory_utilization, cuda_context=cuda_context, allocator=allocator,
    )  # fmt: skip
    if device is None:
        return inference_bill(report, workload)
    found = parse_device(device, builtin())
    return inference_bill(report, spread(report, workload, found.count), found.device, found.count)


def estimate_training(
    report: Report,
    *,
    batch: int = 1,
    seq: int | None = None,
    optimizer: str = "adamw",
    precision: str = "bf16",
    lora: str | None = None,
    qlora: str | None = None,
    zero: int | None = None,
    fsdp: str | None = None,
    gpus: int = 1,
    gpus_per_node: int | None = None,
    offload: str | None = None,
    gradient_checkpointing: bool = False,
    attention: str = "sdpa",
    cuda_context: int | None = None,
    allocator: int | None = None,
    device: str | None = None,
) -> Bill:
    """What one device takes for a step of training the model of `report` (from `memscan.scan`).

    `lora` is a word such as `r=16,targets=q_proj,v_proj`; `device` as for `estimate_inference`. Sizes are bytes. Raises
    UsageError for what makes no sense for this model; requests nothing.
    """
    recipe = recipe_of(
        batch=batch, seq=seq, optimizer=optimizer, precision=precision, lora=lora, qlora=qlora, zero=zero, fsdp=fsdp, gpus=gpus,
        gpus_per_node=gpus_per_node, offload=offload, gradient_checkpointing=gradient_checkpointing, attention=attention,
        cuda_context=cuda_context, allocator=allocator,
    )  # fmt: skip
    if device is None:
        return training_bill(report, recipe)
    found = parse_device(device, builtin())
    return training_bill(report, on_devices(recipe, found.count), found.device)


def recipe_of(*, lora: str | None = None, **words: Any) -> Recipe:
    """The recipe that these words, the arguments of `estimate_training`, ask for; UsageError where they make no sense."""
    recipe = Recipe(lora=None if lora is None else lora_setting(lora), **words)
    recipe.check()
    return recipe


def workload_of(
    *, dtype: str | None = None, tp: int = 1, pp: int = 1, ep: int = 1, max_num_seqs: int | None = None, **words: Any
) -> Workload:
    """The workload that these words, the arguments of `estimate_inference`, ask for; UsageError where they make no sense."""
    degrees = Degrees(tensor=tp, pipeline=pp, expert=ep)
    workload = Workload(dtype=dtype_of(dtype), degrees=degrees, max_sequences=max_num_seqs, **words)
    workload.check()
    return workload


def dtype_of(word: str | None) -> str | None:
    """The dtype that `word` names or is short for; UsageError where it is none."""
    name = None if word is None else SHORT.get(word, word)
    if name is not None and name not in DTYPES:
        raise UsageError(f"{shown(word)} is not a dtype; expected one of {', '.join(DTYPES)}")
    return name
