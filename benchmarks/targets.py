"""What memscan has set itself, held against a run."""

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
        measured = _walls(rows, case, "memscan", "floor")
        yield _target(f"wall beside the floor, {what}, 50 ms", "<= 1.6 x", measured, "{:.2f} x", lambda ratio: ratio <= 1.6)
    for case, least in FASTER.items():
        measured = _walls(rows, case, "hf-mem", "memscan")
        yield _target(
            f"faster than hf-mem, {case}, 50 ms", f">= {least:g} x", measured, "{:.1f} x", lambda ratio, least=least: ratio >= least
        )
    for name in (HELP, COMPLETION):
        cpu = starts[name].cpu if name in starts else None
        yield _target(f"`{name}`", "< 0.12 s CPU", cpu, "{:.3f} s", lambda seconds: seconds < 0.12)
    beyond = starts[IMPORT].cpu - starts[NOTHING].cpu if IMPORT in starts else None
    yield _target(f"`{IMPORT}` beyond the interpreter", "< 0.03 s CPU", beyond, "{:.3f} s", lambda seconds: seconds < 0.03)
    for case, (seconds, megabytes) in LARGE.items():
        for name in (case, case + NO_ENDPOINT):
            row = rows.find(name, "memscan", latency=AT)
            cpu, peak = (None, None) if row is None else (row.spent.cpu, row.spent.peak_bytes / MB)
            yield _target(name, f"< {seconds:g} s CPU", cpu, "{:.2f} s", lambda value, most=seconds: value < most)
            yield _target(name, f"< {megabytes} MB", peak, "{:.0f} MB", lambda value, most=megabytes: value < most)
    for end, way in (("", "one-request endpoint"), (NO_ENDPOINT, "a request for each header")):
        yield _target(
            f"memory flat in the number of shards, 191 beside 4, {way}", f"<= {FLAT:g} x", _growth(rows, end), "{:.2f} x",
            lambda ratio: ratio <= FLAT,
        )  # fmt: skip


def _target(name: str, limit: str, measured: float | None, spelling: str, holds: Callable[[float], bool]) -> Target:
    if measured is None:
        return Target(name=name, limit=limit, measured="", met=False)
    return Target(name=name, limit=limit, measured=spelling.format(measured), met=holds(measured))


def _walls(rows: Rows, case: str, over: str, under: str) -> float | None:
    """How much longer `over` takes than `under`; None where one of them was not measured."""
    first, second = rows.find(case, over, latency=AT), rows.find(case, under, latency=AT)
    return None if first is None or second is None else first.spent.wall / second.spent.wall


def _growth(rows: Rows, end: str) -> float | None:
    few, many = (rows.find(f"{count} shards{end}", "memscan", latency=AT) for count in (4, 191))
    return None if few is None or many is None else many.spent.peak_bytes / few.spent.peak_bytes
