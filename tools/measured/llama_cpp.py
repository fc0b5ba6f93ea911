"""Loads of llama.cpp: weights on the device and on the host, and the buffer of its graph."""

from collections.abc import Iterator
from typing import Any

from tools.measured.records import records, report
from tools.measured.row import GIB, MIB, Group, Row

from memscan.bills import Bill, estimate_inference


def groups() -> Iterator[Group]:
    """Weights, where they are, and compute buffers."""
    logs = records("llama_cpp")
    yield Group(name="llama-cpp-weights", rows=[row for log in logs for row in _weights(log)])
    yield Group(name="llama-cpp-compute", rows=[_compute(log) for log in logs if "compute" in log], unit="MiB")


def bill_of(log: dict[str, Any]) -> Bill:
    """What memscan says of the load, on one device."""
    return estimate_inference(
        report(log["model"]), context=log.get("context", 512), prefill=log.get("ubatch", 512), dtype=log["dtype"],
        engine="llama.cpp",
    )  # fmt: skip


def _words(log: dict[str, Any]) -> str:
    return f"{log['model'].rpartition('/')[2]}, {log['dtype']}"


def _weights(log: dict[str, Any]) -> Iterator[Row]:
    bill = bill_of(log)
    device = sum(item.nbytes or 0 for item in bill.items if item.name.startswith(("weights", "buffers")))
    host = sum(item.nbytes or 0 for item in bill.host)
    tied = report(log["model"]).scopes[report(log["model"]).scope].tied
    whole = device if tied else device + host  # a tied head is a second copy, on the device
    yield Row(id=log["id"], what=_words(log), quantity="model size", measured=log["gib"] * GIB, predicted=whole)
    if "device" in log:
        yield Row(id=log["id"], what=_words(log), quantity="on GPUs", measured=log["device"] * MIB, predicted=device)
        yield Row(id=log["id"], what=_words(log), quantity="on the host", measured=log["host"] * MIB, predicted=host)


def _compute(log: dict[str, Any]) -> Row:
    (line,) = (item for item in bill_of(log).items if item.name == "compute buffer")
    flash = "flash attention" if log["flash"] else "no flash attention"
    several = f", {log['buffers']} GPUs" if log["buffers"] > 1 else ""
    return Row(
        id=log["id"], what=f"{_words(log)}, {log['context']:,} tokens, batch of {log['ubatch']}, {flash}{several}",
        quantity="compute buffer", measured=log["compute"] * MIB, predicted=line.nbytes or 0, low=line.low, high=line.high,
    )  # fmt: skip
