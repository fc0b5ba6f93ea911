"""The library's doors to bills: a report and plain words in, a bill out."""

from memscan.bills.bill import Bill
from memscan.bills.inference import inference
from memscan.bills.workload import TRANSFORMERS, Workload
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
    engine: str = TRANSFORMERS,
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
        return inference(report, workload)
    found = parse_device(device, builtin())
    return inference(report, workload, found.device, found.count)


def workload_of(
    *,
    context: int | None,
    batch: int,
    dtype: str | None,
    kv_dtype: str | None,
    engine: str,
    attention: str,
    tp: int,
    pp: int,
    ep: int,
    offload_experts: bool,
    encoder_tokens: int | None,
    prefill: int | None,
    max_num_seqs: int | None,
    gpu_memory_utilization: float,
    cuda_context: int | None,
    allocator: int | None,
) -> Workload:
    """The workload that these words ask for; UsageError where they make no sense."""
    workload = Workload(
        context=context, batch=batch, dtype=dtype_of(dtype), kv_dtype=kv_dtype, engine=engine, attention=attention,
        degrees=Degrees(tensor=tp, pipeline=pp, expert=ep), offload_experts=offload_experts, encoder_tokens=encoder_tokens,
        prefill=prefill, max_sequences=max_num_seqs, gpu_memory_utilization=gpu_memory_utilization, cuda_context=cuda_context,
        allocator=allocator,
    )  # fmt: skip
    workload.check()
    return workload


def dtype_of(word: str | None) -> str | None:
    """The dtype that `word` names or is short for; UsageError where it is none."""
    name = None if word is None else SHORT.get(word, word)
    if name is not None and name not in DTYPES:
        raise UsageError(f"{shown(word)} is not a dtype; expected one of {', '.join(DTYPES)}")
    return name
