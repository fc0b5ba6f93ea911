"""What memscan has set itself, held against a run."""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.process import Spent
from benchmarks.row import Rows
from benchmarks.startup import COMPLETION, HELP, IMPORT, NOTHING

AT = 0.05  # seconds; the round trip that the targets speak of
FLAT = 1.25  # times; what a process takes varies by some MB from run to run, and 191 connections are not 4
MB = 1_000_000
FASTER = {"single file": 1.5, "4 shards": 2.0, "72 shards": 6.0, "191 shards": 12.0}
LARGE = {"101,375 tensors": (1.2, 150), "497,220 tensors": (2.0, 400)}
"""Seconds of CPU and MB at most."""
SIGNS: dict[str, Callable[[float, float], bool]] = {"<": operator.lt, "<=": operator.le, ">=": operator.ge}
NO_ENDPOINT = ", no endpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target, and what became of it."""

    name: str
    limit: str
    measured: str
    """Empty where this run did not measure it."""
    met: bool

    @property
    def verdict(self) -> str:
        """In a word."""
        return ("**met**" if self.met else "**not met**") if self.measured else "not measured"


def targets(rows: Rows, starts: dict[str, Spent]) -> Iterator[Target]:
    """Every target, in the order of the page."""
    for case, what in (("single file", "single file"), ("4 shards", "one-request endpoint (4 shards)")):
        yield _target(f"wall beside the floor, {what}", "<=", 1.6, "x", _walls(rows, case, "memscan", "floor"))
    for case, least in FASTER.items():
        yield _target(f"faster than hf-mem, {case}", ">=", least, "x", _walls(rows, case, "hf-mem", "memscan"))
    for name in (HELP, COMPLETION):
        yield _target(name, "<", 0.12, "s CPU", starts[name].cpu if name in starts else None)
    beyond = starts[IMPORT].cpu - starts[NOTHING].cpu if IMPORT in starts else None
    yield _target(f"{IMPORT}, beyond the interpreter", "<", 0.03, "s CPU", beyond)
    for case, (seconds, megabytes) in LARGE.items():
        for name in (case, case + NO_ENDPOINT):
            row = rows.find(name, "memscan", latency=AT)
            yield _target(name, "<", seconds, "s CPU", None if row is None else row.spent.cpu)
            yield _target(name, "<", megabytes, "MB", None if row is None else row.spent.peak_bytes / MB)
    for end, way in (("", "one-request endpoint"), (NO_ENDPOINT, "a request for each header")):
        yield _target(f"memory flat in the number of shards, 191 beside 4, {way}", "<=", FLAT, "x", _growth(rows, end))


def _target(name: str, sign: str, bound: float, unit: str, measured: float | None) -> Target:
    limit = f"{sign} {bound:g} {unit}"
    if measured is None:
        return Target(name=name, limit=limit, measured="", met=False)
    shown = f"{measured:.0f}" if unit == "MB" else f"{measured:.3f}" if bound < 1 else f"{measured:.2f}"
    return Target(name=name, limit=limit, measured=f"{shown} {unit}", met=SIGNS[sign](measured, bound))


def _walls(rows: Rows, case: str, over: str, under: str) -> float | None:
    """How much longer `over` takes than `under`; None where one of them was not measured."""
    first, second = rows.find(case, over, latency=AT), rows.find(case, under, latency=AT)
    return None if first is None or second is None else first.spent.wall / second.spent.wall


def _growth(rows: Rows, end: str) -> float | None:
    few, many = (rows.find(f"{count} shards{end}", "memscan", latency=AT) for count in (4, 191))
    return None if few is None or many is None else many.spent.peak_bytes / few.spent.peak_bytes
