"""Peaks of inference with PyTorch: the guide of transformers, Qwen's speed tables, LitGPT's table."""

from collections.abc import Iterator
from typing import Any

from tools.measured.records import records, report
from tools.measured.row import GB, GIB, Group, Row

from memscan.bills import Bill, estimate_inference


def groups() -> Iterator[Group]:
    """All of them."""
    for group in ("octocoder", "qwen", "litgpt"):
        rows = [_row(record) for record in records("inference") if record["group"] == group]
        yield Group(name=f"inference-{group}", rows=rows)


def bill_of(record: dict[str, Any]) -> Bill:
    """What memscan says of the record, without context and allocator."""
    return estimate_inference(report(record["model"]), cuda_context=0, allocator=0, **record["workload"])


def _row(record: dict[str, Any]) -> Row:
    measured = record["gib"] * GIB if "gib" in record else record["gb"] * GB
    what = f"{record['model'].rpartition('/')[2]}, {record['what']}"
    return Row(id=record["id"], what=what, quantity="peak", measured=measured, predicted=bill_of(record).peak.nbytes)
