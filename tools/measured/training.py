"""Peaks of training: PEFT's comparison of methods, torchtune's ladder, LitGPT's tables, Trainer, torchao's optimizers."""

from collections.abc import Iterator, Sequence
from typing import Any

from tools.measured.records import records, report
from tools.measured.row import GB, GIB, Group, Row

from memscan.bills import Bill, estimate_training, peak
from memscan.item import Item

FLOAT32_ADAMW = 16  # bytes of a trained value: itself, its gradient and two states
TRAINED = ("weights", "adapters", "optimizer states", "gradients")


def groups() -> Iterator[Group]:
    """All of them."""
    yield Group(name="peft-peaks", rows=[_reserved(record) for record in of("peft")])
    yield Group(name="peft-states", rows=[_added(record) for record in of("peft")], unit="MiB")
    yield Group(name="torchtune", rows=[_rung(record) for record in of("torchtune")])
    yield Group(name="litgpt", rows=[_litgpt(record) for record in of("litgpt")])
    yield Group(name="trainer", rows=[_trainer(record) for record in of("trainer")])
    yield Group(name="optimizers", rows=list(_optimizers()))


def of(group: str) -> list[dict[str, Any]]:
    """The records of a group that memscan has words for."""
    return [record for record in records("training") if record["group"] == group and "recipe" in record]


def bill_of(record: dict[str, Any], *, allocator: int | None = 0) -> Bill:
    """What memscan says of the record; without the context of the driver unless the record gives it."""
    words = {"cuda_context": 0, **record["recipe"]}
    return estimate_training(report(record["model"]), allocator=allocator, **words)


def items_of(record: dict[str, Any], *, allocator: int | None = 0) -> tuple[Item, ...]:
    """Its lines, those aside that the measured run does not have."""
    without = tuple(record.get("without", ()))
    items = bill_of(record, allocator=allocator).items
    return tuple(item for item in items if not without or not item.name.startswith(without))


def _reserved(record: dict[str, Any]) -> Row:
    found = peak(items_of(record, allocator=None))
    return Row(
        id=record["id"], what=record["what"], quantity="reserved, most", measured=record["reserved_most"],
        predicted=found.nbytes, low=found.low, high=found.high,
    )  # fmt: skip


def _added(record: dict[str, Any]) -> Row:
    """The average of what is allocated after a step, less that of a run that trains hardly anything."""
    (base,) = (one for one in records("training") if one["group"] == "peft base")
    items = bill_of(record).items
    held = sum(_line(items, name) for name in TRAINED) - base["trained"] * FLOAT32_ADAMW
    if "lora" not in record["recipe"]:
        held -= _line(items, "weights")  # which the other run has too
    return Row(
        id=record["id"], what=record["what"], quantity=f"{record['trained']:,} trained parameters",
        measured=record["allocated_after_step"] - base["allocated_after_step"], predicted=held,
    )  # fmt: skip


def _rung(record: dict[str, Any]) -> Row:
    left = f"without memscan's lines {', '.join(record['without'])}" if record["without"] else ""
    return Row(
        id=record["id"], what=record["what"], quantity="allocated, peak", measured=record["gib"] * GIB,
        predicted=peak(items_of(record)).nbytes, note="; ".join(filter(None, (record["note"], left))),
    )  # fmt: skip


def _litgpt(record: dict[str, Any]) -> Row:
    found = peak(items_of(record))
    return Row(
        id=record["id"], what=f"{record['model'].rpartition('/')[2]}, {record['what']}", quantity="allocated, peak",
        measured=record["gb"] * GB, predicted=found.nbytes,
    )  # fmt: skip


def _trainer(record: dict[str, Any]) -> Row:
    found = peak(items_of(record, allocator=None))
    return Row(
        id=record["id"], what=f"{record['model'].rpartition('/')[2]}, {record['what']}", quantity="nvidia-smi",
        measured=record["gib"] * GIB, predicted=found.nbytes, low=found.low, high=found.high, note=record["note"],
    )  # fmt: skip


def _optimizers() -> Iterator[Row]:
    """What a quantized optimizer saves."""
    found = {record["recipe"]["optimizer"]: record for record in of("optimizers")}
    states = {name: _line(bill_of(record).items, "optimizer states") for name, record in found.items()}
    usual = found["adamw"]
    for name in ("adamw-8bit", "adamw-4bit"):
        yield Row(
            id=found[name]["id"], what=f"Llama-2-7b, {usual['what']} less {found[name]['what']}", quantity="peak, less",
            measured=(usual["gib"] - found[name]["gib"]) * GIB, predicted=states["adamw"] - states[name],
        )  # fmt: skip


def _line(items: Sequence[Item], name: str) -> int:
    return sum(item.nbytes or 0 for item in items if item.name == name)
