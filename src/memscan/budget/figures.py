"""The figure that a budget is about: of the weights, of an inference, of a training step."""

from collections.abc import Sequence

from memscan.bills import Bill, Recipe, Workload, inference_bill, moments, training_bill
from memscan.budget.base import Bound, Figure
from memscan.devices import Device
from memscan.document import shown
from memscan.errors import UsageError
from memscan.estimate import Report
from memscan.item import Basis
from memscan.units import iec_bytes

TOTAL, LARGEST_LAYER, INFERENCE, TRAINING = "total", "largest-layer", "inference", "training"
SUBJECTS = (TOTAL, LARGEST_LAYER, INFERENCE, TRAINING)
NOT_ALL = frozenset({"scope-unknown", "component-without-weights", "base-not-read", "slices"})
"""Codes of notes by which the weights that were counted are not known to be all."""


def weights_figure(report: Report, subject: str, dtype: str | None) -> Figure:
    """The total or the largest layer of `report`, in `dtype` (None: as stored); the report has a row of it.

    UsageError where it has none, with the reason that the report gives.
    """
    rows = [row for row in report.estimates if (row.stored if dtype is None else row.dtype == dtype)]
    if not rows:
        reasons = [note.message for note in report.notes if note.code in ("quantized", "quantizer-unknown")]
        raise UsageError(f"{report.model.origin.requested} has no figure in {dtype}: {'; '.join(reasons) or 'it is not known'}")
    row = rows[0]
    gaps = [note.message for note in report.notes if note.code in NOT_ALL]
    layer = report.largest_layer
    is_total = subject == TOTAL
    nbytes = row.total_bytes if is_total else row.largest_layer_bytes
    details = [*([] if is_total or layer is None else [layer.name or "the whole model"]), *gaps]
    return Figure(
        name="total size" if is_total else "largest layer", nbytes=nbytes, basis=row.basis, low=nbytes, high=nbytes,
        bound=Bound.LOWER if gaps else Bound.EXACT, detail="; ".join(details),
    )  # fmt: skip


def bill_figure(report: Report, work: Workload | Recipe, device: Device | None) -> Figure:
    """The peak of an inference or a training step; UsageError for work that makes no sense for this model."""
    if isinstance(work, Workload):
        return _peak(inference_bill(report, work, device), "inference peak")
    return _peak(training_bill(report, work, device), "training peak")


def check_subject(name: str) -> None:
    """UsageError for a subject that there is not."""
    if name not in SUBJECTS:
        raise UsageError(f"{shown(name)} is nothing that can be checked; expected one of {', '.join(SUBJECTS)}")


def _peak(bill: Bill, name: str) -> Figure:
    top, every = bill.peak, moments(bill.items)
    low, high = max(one.low for one in every), max(one.high for one in every)
    unknown = [f"{item.name}: {item.note}" for item in bill.unknown]
    basis = _weakest([item.basis for item in bill.items])
    bound = Bound.LOWER if unknown else Bound.ESTIMATE if low != high or basis is Basis.ASSUMED else Bound.EXACT
    words = [bill.title, f"in {top.phase}" if top.phase else "", *unknown]
    return Figure(
        name=name, nbytes=top.nbytes, basis=basis, bound=bound, low=low, high=high,
        detail="; ".join(word for word in words if word),
    )  # fmt: skip


def _weakest(bases: Sequence[Basis]) -> Basis:
    """The basis of the line that is known the least; an unknown line makes the bound a lower one instead."""
    order = (Basis.MEASURED, Basis.DERIVED, Basis.ASSUMED)
    return max((basis for basis in bases if basis is not Basis.UNKNOWN), key=order.index, default=Basis.UNKNOWN)


def range_words(figure: Figure) -> str:
    """The range of an estimate."""
    return f"{iec_bytes(figure.low)} to {iec_bytes(figure.high)}"
