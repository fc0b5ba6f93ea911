"""The bill of an inference: what each device holds while a model answers."""

from collections.abc import Iterator

from memscan.bills.bill import Bill, Share, peak, verdict
from memscan.bills.prepared import prepare
from memscan.bills.subject import Subject, divided
from memscan.bills.weight_items import on_the_host
from memscan.bills.workload import Workload
from memscan.cache import ENGINES
from memscan.devices import Device
from memscan.estimate import Report
from memscan.item import Item
from memscan.note import Note
from memscan.parallel import Stage
from memscan.units import plural


def inference_bill(report: Report, workload: Workload, device: Device | None = None, count: int = 1) -> Bill:
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
        host=_host(model, model.stages[fullest], workload, device),
        shares=tuple(shares) if len(shares) > 1 else (), devices=workload.degrees.devices,
        verdict=None if device is None else verdict(items, device, max(count, workload.degrees.devices)),
        workload=workload,
        facts=() if model.experts is None else (model.experts.fact,), notes=tuple(_offload_notes(model, workload)),
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


def _host(model: Subject, stage: Stage, workload: Workload, device: Device | None) -> tuple[Item, ...]:
    """What stays in the memory of the CPU, where that is not the device's own."""
    if device is not None and device.shares_memory:
        return ()
    return on_the_host(model, stage, offload_experts=workload.offload_experts)


def _offload_notes(model: Subject, workload: Workload) -> Iterator[Note]:
    if workload.offload_experts and not any(divided(stage.tensors)[1] for stage in model.stages):
        yield Note(code="no-experts", message="--offload-experts: this model has no routed experts")
