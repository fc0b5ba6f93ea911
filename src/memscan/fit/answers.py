"""What fits on a device: for each dtype and method, whether the workload does, and the largest context and batch that do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from memscan.bills import Answer, Prepared, Workload, peak, prepare, verdict
from memscan.devices import Device
from memscan.errors import UsageError
from memscan.estimate import Report
from memscan.fit.largest import Largest, largest_batch, largest_context
from memscan.item import Item
from memscan.note import Note

DTYPES = {
    "transformers": ("bfloat16", "bnb-int8", "bnb-nf4-dq"),
    "vllm": ("bfloat16", "fp8", "int4-g128"),
    "llama.cpp": ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K"),
}
"""What each engine loads, beside the checkpoint as it is stored."""


COMMON = (
    "t4", "rtx-3060-12gb", "rtx-4060-ti-16gb", "rtx-3090", "rtx-4090", "rtx-5090", "l4", "a10g", "l40s", "a100-40gb", "a100-80gb",
    "h100", "h200", "b200", "mi300x", "m4-pro-48gb", "m4-max-128gb",
)  # fmt: skip
"""Devices that a table without a device is of: what people have, and what clouds rent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One dtype on one device."""

    dtype: str
    device: Device
    answer: Answer
    """Of the workload as asked."""
    nbytes: int
    """The peak of the workload, on the fullest device."""
    context: Largest | None
    """The largest context at this batch; None where it is not known, or was not sought."""
    batch: Largest | None
    """The most sequences at this context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The answers for one model."""

    report: Report
    workload: Workload
    """As it was asked, its context filled in."""
    count: int
    """How many of each device take part."""
    rows: tuple[Row, ...]
    notes: tuple[Note, ...]


def fit(
    report: Report,
    workload: Workload,
    devices: Sequence[Device],
    *,
    count: int = 1,
    dtypes: Sequence[str | None] = (),
    largest: bool = True,
) -> Fit:
    """What of `report` fits on each of `devices`, in each of `dtypes` (none given: as stored, and what the engine loads).

    `largest`: whether the largest context and batch are sought, which takes a hundred times as long as the rest.

    Raises UsageError for a workload that this model cannot have.
    """
    first = prepare(report, workload)
    chosen = tuple(dtypes) or (None, *(one for one in DTYPES[first.workload.engine] if one != first.model.held.dtype))
    ready, notes = [first] if chosen[:1] == (None,) else [], []
    for dtype in chosen:
        if dtype is None:
            continue
        try:
            ready.append(prepare(report, replace(workload, dtype=dtype)))
        except UsageError as error:
            notes.append(Note(code="dtype-unknown", message=f"{dtype} is not known for this model: {error}"))
    held: dict[tuple[str, str], tuple[Item, ...]] = {}
    rows = [row for device in devices for row in _rows(ready, device, count, held, largest=largest)]
    return Fit(report=report, workload=first.workload, count=count, rows=tuple(rows), notes=tuple(notes))


def _rows(
    ready: Sequence[Prepared], device: Device, count: int, held: dict[tuple[str, str], tuple[Item, ...]], *, largest: bool
) -> Iterator[Row]:
    for one in ready:
        context, batch = one.workload.context or 1, one.workload.batch
        key = (one.model.held.dtype, _sort(one, device))
        if key not in held:
            stage, bills = one.fullest(context=context, batch=batch, device=device)
            held[key] = bills[stage]
        items = held[key]
        yield Row(
            dtype=one.model.held.dtype, device=device, answer=verdict(items, device, count).answer, nbytes=peak(items).nbytes,
            context=largest_context(one, device, batch=batch) if largest else None,
            batch=largest_batch(one, device, context=context) if largest else None,
        )  # fmt: skip


def _sort(one: Prepared, device: Device) -> str:
    """Devices of one sort hold the same for a workload, so that it is worked out once; vLLM takes a share of each device."""
    return device.name if one.workload.engine == "vllm" else f"{device.shares_memory} {device.cuda}"
