"""One table for people at a terminal, and below it a sentence for each limit that is not kept."""

from collections.abc import Iterator

from memscan.budget import Finding, Gate, Outcome
from memscan.printable import safe
from memscan.report.gate.orders import broken
from memscan.report.gate.words import Gravity, failing_first, gravity, headline, kind, margin, name, outcome, sentence
from memscan.report.grid import grid
from memscan.report.words import short
from memscan.units import both_units, iec_bytes

COLUMNS = ("Target", "What", "dtype", "Figure", "Limit", "Margin", "Outcome")
ALIGN = ("left", "left", "left", "right", "right", "right", "left")
FEW = 10  # findings: up to so many, those that are within their limits have a sentence too


def render(gate: Gate) -> str:
    """The table, the sentences with exact bytes, and the outcome of all."""
    blocks = [grid([_row(finding) for finding in gate.findings], COLUMNS, layout="github", align=ALIGN)] if gate.findings else []
    lines = list(_sentences(gate))
    return broken("\n\n".join([*blocks, *(["\n".join(lines)] if lines else []), f"Gate {headline(gate)}"]))


def _row(finding: Finding) -> tuple[str, ...]:
    figure, limit, left = finding.figure, finding.limit, margin(finding)
    return (
        name(finding),
        kind(finding),
        safe(finding.dtype or ""),
        "?" if figure is None else both_units(figure.nbytes),
        "" if limit is None else both_units(limit.nbytes),
        "" if left is None else iec_bytes(left),
        outcome(finding),
    )


def _sentences(gate: Gate) -> Iterator[str]:
    for finding in failing_first(gate):
        if len(gate.findings) <= FEW or gravity(finding) is not Gravity.NONE or finding.outcome is not Outcome.WITHIN:
            where = "" if finding.place is None else f" ({short(finding.place.path)}:{finding.place.line})"
            yield f"{outcome(finding).capitalize()}{where}: {sentence(finding)}"
