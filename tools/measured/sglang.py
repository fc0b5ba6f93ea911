"""Starts of SGLang: weights, and the pool of keys and values."""

from collections.abc import Iterator

from tools.measured.records import records
from tools.measured.row import GIB, Group, Row
from tools.measured.vllm import BLOCK, block_bytes, weights


def groups() -> Iterator[Group]:
    """One group."""
    rows = []
    for start in records("sglang"):
        what = f"{start['of'].rpartition('/')[2]}" + (f", tp {start['tp']}" if start["tp"] > 1 else "")
        if "weights" in start:
            rows.append(
                Row(id=start["id"], what=what, quantity="weights", measured=start["weights"] * GIB, predicted=weights(start))
            )
        if "tokens" in start:
            rows.append(
                Row(
                    id=start["id"], what=what, quantity=f"keys and values of {start['tokens']:,} tokens",
                    measured=(start["key"] + start["value"]) * GIB, predicted=block_bytes(start) * start["tokens"] / BLOCK,
                )
            )  # fmt: skip
    yield Group(name="sglang", rows=rows)
