"""Starts of vLLM: the weights of a rank, the peak of its profile run, and what is left for the KV cache."""

from collections.abc import Iterator
from typing import Any

from tools.measured.records import records, report
from tools.measured.row import GIB, Group, Row

from memscan.bills import Bill, estimate_inference, peak

BLOCK = 16  # tokens
SWAP = 4 * GIB  # bytes, `--swap-space` of vLLM below 0.9
WEIGHTS = ("weights", "buffers")


def groups() -> Iterator[Group]:
    """All of them."""
    starts = records("vllm")
    yield Group(name="vllm-weights", rows=[_weights(start) for start in starts if "weights" in start])
    yield Group(name="vllm-blocks", rows=[row for start in starts for row in _blocks(start)], unit="")
    yield Group(name="vllm-activations", rows=[_activations(start) for start in starts if "activation" in start])
    yield Group(name="vllm-room", rows=[_room(start) for start in starts if "total" in start and "kv" in start])


def bill_of(start: dict[str, Any], *, context: int = BLOCK, device: str | None = None) -> Bill:
    """What memscan says of a rank of the start."""
    words = {name: start[name] for name in ("prefill", "max_num_seqs") if name in start}
    return estimate_inference(
        report(start["model"]), context=context, dtype=start["dtype"], engine="vllm", tp=start["tp"], device=device,
        gpu_memory_utilization=start.get("utilization", 0.9), kv_dtype=None, **words,
    )  # fmt: skip


def block_bytes(start: dict[str, Any]) -> int:
    """Of a page of 16 tokens of all layers."""
    return sum(item.nbytes or 0 for item in bill_of(start).items if item.name.startswith("KV cache"))


def weights(start: dict[str, Any]) -> int:
    """Bytes of a rank's weights and buffers."""
    return sum(item.nbytes or 0 for item in bill_of(start).items if item.name.startswith(WEIGHTS))


def _words(start: dict[str, Any]) -> str:
    ranks = f", tp {start['tp']}" if start["tp"] > 1 else ""
    return f"{start['of'].rpartition('/')[2]}, {start['dtype']}{ranks}"


def _weights(start: dict[str, Any]) -> Row:
    return Row(
        id=start["id"], what=_words(start), quantity="weights", measured=start["weights"] * GIB, predicted=weights(start),
        note=start.get("note", ""),
    )  # fmt: skip


def _blocks(start: dict[str, Any]) -> Iterator[Row]:
    block, note = block_bytes(start), start.get("note", "")
    if "cpu_blocks" in start:
        yield Row(
            id=start["id"], what=_words(start), quantity="CPU blocks of 4 GiB", measured=start["cpu_blocks"],
            predicted=SWAP // block, note=note,
        )  # fmt: skip
    tokens = start.get("tokens") or start.get("blocks", 0) * BLOCK
    if tokens and "kv" in start:
        yield Row(
            id=start["id"], what=_words(start), quantity=f"tokens of {start['kv']:.2f} GiB", measured=tokens,
            predicted=int(start["kv"] * GIB) // block * BLOCK, note=note,
        )  # fmt: skip


def _activations(start: dict[str, Any]) -> Row:
    bill = bill_of(start)
    items = [item for item in bill.items if item.name.startswith(("activations", "logits"))]
    found = peak(items)
    return Row(
        id=start["id"], what=f"{_words(start)}, {start['prefill']:,} tokens, {start['max_num_seqs']:,} sequences",
        quantity="profile run", measured=start["activation"] * GIB, predicted=found.nbytes, low=found.low, high=found.high,
    )  # fmt: skip


def _room(start: dict[str, Any]) -> Row:
    bill = bill_of(start, device=f"{start['total']}GiB")
    items = [item for item in bill.items if not item.name.startswith("KV cache")]
    found = peak(items)
    usable = int(start["total"] * GIB)
    return Row(
        id=start["id"], what=f"{_words(start)}, {start['total']} GiB x {start['utilization']}", quantity="room for KV",
        measured=start["kv"] * GIB, predicted=usable - found.nbytes, low=usable - found.high, high=usable - found.low,
    )  # fmt: skip
