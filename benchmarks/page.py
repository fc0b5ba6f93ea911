"""docs/performance.md, from the figures of a run."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from benchmarks.http2.compare import Compared
from benchmarks.results import Results
from benchmarks.row import Row
from benchmarks.sampler import PHASES
from benchmarks.startup import NOTHING
from benchmarks.targets import AT, MB, targets

TEXT = Path(__file__).with_name("page.md")
ORDERED = 0.02  # seconds; with a shorter round trip, requests that were sent together may seem to have waited for one another
ROW = ("case", "round trip", "program", "wall", "x floor", "x memscan", "CPU", "peak", "requests", "in a row", "bytes")


def page(results: Results) -> str:
    """The whole page."""
    rows = results.rows.every
    plain = [row for row in rows if row.protocol != "https"]
    secure = [row for row in rows if row.protocol == "https"]
    return TEXT.read_text(encoding="utf-8").format(
        repeat=results.repeat, load=f"{results.busy:.1f}", cores=os.cpu_count(), python=platform.python_version(),
        targets=target_table(results), starts=_starts(results), phases=_phases(results), compared=_compared(results),
        at_50=row_table(results, [row for row in plain if row.latency == AT or not row.protocol]),
        secure_at_50=row_table(results, [row for row in secure if row.latency == AT]),
        plain=row_table(results, [row for row in plain if row.latency != AT and row.protocol]),
        secure=row_table(results, [row for row in secure if row.latency != AT]),
    )  # fmt: skip


def target_table(results: Results) -> str:
    """Each target, what was measured, and whether it is met."""
    found = [(one.name, one.limit, one.measured or "-", one.verdict) for one in targets(results.rows, results.starts)]
    return _table(found, ("target", "limit", "measured", ""))


def row_table(results: Results, rows: Sequence[Row]) -> str:
    """The rows, each beside the floor and memscan in the same case."""
    return _table([_cells(results, row) for row in rows], ROW) if rows else "Not measured in this run."


def _cells(results: Results, row: Row) -> tuple[str, ...]:
    trip = f"{1000 * row.latency:.0f} ms" if row.protocol else "none"
    if row.failure:
        return (row.case, trip, row.program, f"failed: {row.failure.splitlines()[-1]}", *[""] * 7)
    ratios = []
    for beside in ("floor", "memscan"):
        other = results.rows.find(row.case, beside, latency=row.latency, protocol=row.protocol)
        ratios.append("" if other is None else f"{row.spent.wall / other.spent.wall:.2f}")
    asked = ("", "", "")
    if row.asked is not None:
        in_a_row = str(row.asked.in_a_row) if row.latency >= ORDERED else ""
        asked = (str(row.asked.requests), in_a_row, f"{row.asked.bytes:,}")
    took = row.spent
    return (
        row.case, trip, row.program, f"{took.wall:.2f} s", *ratios, f"{took.cpu:.2f} s", f"{took.peak_bytes / MB:.0f} MB", *asked,
    )  # fmt: skip


def _starts(results: Results) -> str:
    nothing = results.starts[NOTHING]
    rows = [
        (name, f"{took.cpu:.3f} s", f"{took.cpu - nothing.cpu:.3f} s", f"{took.wall:.3f} s", f"{took.peak_bytes / MB:.0f} MB")
        for name, took in results.starts.items()
    ]
    return _table(rows, ("command", "CPU", "CPU beyond the interpreter", "wall", "peak"))


def _phases(results: Results) -> str:
    total = sum(results.phases.values()) or 1.0
    rows = [(name, f"{1000 * results.phases[name]:.0f} ms", f"{results.phases[name] / total:.0%}") for name in PHASES]
    return _table([*rows, ("all", f"{1000 * total:.0f} ms", "100%")], ("phase", "CPU", "share"))


def _answer(one: Compared) -> str:
    """In words, what HTTP/2 changes."""
    wall, cpu = one.two.wall / one.one.wall, one.two.cpu / one.one.cpu
    peak = one.two.peak_bytes / one.one.peak_bytes
    headers = "1 header" if one.files == 1 else f"{one.files} headers"
    takes = f"{wall:.2f} x the wall time, {cpu:.2f} x the CPU and {peak:.2f} x the memory of HTTP/1.1"
    return f"For {headers} at 50 ms, HTTP/2 takes {takes}."


def _compared(results: Results) -> str:
    if not results.compared:
        return "Not measured in this run."
    answers = [_answer(one) for one in results.compared if one.latency == AT]
    rows = [
        (
            str(one.files), f"{1000 * one.latency:.0f} ms", f"{one.one.wall:.2f} s", f"{one.two.wall:.2f} s",
            f"{one.two.wall / one.one.wall:.2f}", f"{one.one.cpu:.2f} s", f"{one.two.cpu:.2f} s",
        )
        for one in sorted(results.compared, key=lambda one: (one.files, one.latency))
    ]  # fmt: skip
    headers = ("headers", "round trip", "wall, HTTP/1.1", "wall, HTTP/2", "ratio", "CPU, HTTP/1.1", "CPU, HTTP/2")
    return "\n\n".join((_table(rows, headers), *answers))


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)
