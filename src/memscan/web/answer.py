"""From a query and its report to an answer: the bill, what it fits on, and how it grows; no I/O."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from memscan import bills
from memscan.bills import Bill, Workload
from memscan.devices import Device, builtin, parse_device
from memscan.errors import MemscanError
from memscan.estimate import Report
from memscan.fit import COMMON, OverContext, fit, over_context
from memscan.web.query import TRAINING, Query

RECIPES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Full", {}),
    ("LoRA, r=16", {"lora": "r=16"}),
    ("QLoRA, NF4", {"lora": "r=16", "qlora": "nf4"}),
)
"""The ways to train that the list of devices compares."""


POINTS = 17  # of the picture over the context: a line that is nearly straight needs no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One way to hold the model, on one device."""

    fits: bills.Answer
    nbytes: int
    """At the peak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One device, and what fits there; None for a way that this model has not."""

    device: Device
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All that the page shows of one query."""

    query: Query
    report: Report
    bill: Bill | None = None
    over: OverContext | None = None
    """How the memory grows with the context, for an inference."""
    ways: tuple[str, ...] = ()
    """The columns of `places`: dtypes, or ways to train."""
    places: tuple[Place, ...] = ()
    lacking: str = ""
    """Why there is no bill, where there is none."""


def answer_of(query: Query, report: Report) -> Answer:
    """The answer to `query`; a bill that this model cannot have is a sentence in it, for the table stands without one."""
    try:
        return _training(query, report) if query.work == TRAINING else _inference(query, report)
    except MemscanError as error:
        return Answer(query=query, report=report, lacking=str(error))


def _devices() -> list[Device]:
    return [builtin().named(name) for name in COMMON]


def _inference(query: Query, report: Report) -> Answer:
    dtype = query.dtypes[0] if len(query.dtypes) == 1 else None
    bill = bills.estimate_inference(report, context=query.context, batch=query.batch, dtype=dtype, device=query.device)
    workload = bills.workload_of(context=query.context, batch=query.batch, dtype=dtype)
    named = None if query.device is None else parse_device(query.device, builtin())
    asked = workload if named is None else bills.spread(report, workload, named.count)
    over = over_context(report, asked, None if named is None else named.device, points=POINTS)
    ways, places = _places(report, workload)
    return Answer(query=query, report=report, bill=bill, over=over, ways=ways, places=places)


def _places(report: Report, workload: Workload) -> tuple[tuple[str, ...], tuple[Place, ...]]:
    dtypes = () if workload.dtype is None else (workload.dtype,)
    rows = fit(report, workload, _devices(), dtypes=dtypes, largest=False).rows
    ways = tuple(dict.fromkeys(row.dtype for row in rows))
    found = {(row.device.name, row.dtype): Cell(fits=row.answer, nbytes=row.nbytes) for row in rows}
    return ways, tuple(Place(device=one, cells=tuple(found.get((one.name, way)) for way in ways)) for one in _devices())


def _training(query: Query, report: Report) -> Answer:
    bill = bills.estimate_training(report, batch=query.batch, seq=query.context, device=query.device)
    sorts = {_sort(device): device for device in _devices()}
    made = [(name, {sort: _trained(query, report, words, device) for sort, device in sorts.items()}) for name, words in RECIPES]
    ways = tuple((name, bill_of) for name, bill_of in made if any(bill_of.values()))
    places = tuple(Place(device=device, cells=tuple(_cells((one for _, one in ways), device))) for device in _devices())
    return Answer(query=query, report=report, bill=bill, ways=tuple(name for name, _ in ways), places=places)


def _sort(device: Device) -> tuple[bool, bool]:
    """Devices of one sort hold the same for a training step, so that it is worked out once."""
    return device.shares_memory, device.cuda


def _trained(query: Query, report: Report, words: dict[str, Any], device: Device) -> Bill | None:
    try:
        return bills.estimate_training(report, batch=query.batch, seq=query.context, device=device.name, **words)
    except MemscanError:  # this way is not for this model: it is quantized already, or has no linear layers
        return None


def _cells(ways: Iterable[Mapping[tuple[bool, bool], Bill | None]], device: Device) -> Iterator[Cell | None]:
    for bill_of in ways:
        bill = bill_of[_sort(device)]
        yield None if bill is None else Cell(fits=bills.verdict(bill.items, device, 1).answer, nbytes=bill.peak.nbytes)
