"""A figure beside a limit: what came of it, in one sentence."""

from dataclasses import replace

from memscan.budget.base import Bound, Figure, Finding, Limit, Outcome, Place
from memscan.budget.figures import range_words
from memscan.errors import MemscanError
from memscan.units import both_units, plural

FAIL, WARN = "fail", "warn"
UNKNOWNS = (FAIL, WARN)
"""What an unknown does: close the gate, or only be said."""


def judged(finding: Finding, figure: Figure, limit: Limit, *, unknown: str) -> Finding:
    """`finding` with its outcome: `figure` beside `limit`."""
    outcome = _outcome(figure, limit)
    fails = outcome is Outcome.EXCEEDED or (outcome is Outcome.UNKNOWN and unknown == FAIL)
    return replace(
        finding,
        figure=figure,
        limit=limit,
        outcome=outcome,
        fails=fails,
        message=_sentence(finding.target, figure, limit, outcome),
    )


def not_read(finding: Finding, error: MemscanError) -> Finding:
    """`finding` of a target that could not be read, or that has no such figure."""
    message = str(error)
    named = message if message.startswith(finding.target) else f"{finding.target}: {message}"
    return replace(finding, outcome=Outcome.NOT_READ, fails=True, message=named, error=error)


def blank(rule: str, target: str, *, commit: str | None, dtype: str | None, place: Place | None, case: str = "") -> Finding:
    """A finding before anything is known."""
    return Finding(
        rule=rule, target=target, commit=commit, dtype=dtype, outcome=Outcome.NOT_READ, fails=True, message="", place=place,
        case=case,
    )  # fmt: skip


def _outcome(figure: Figure, limit: Limit) -> Outcome:
    if figure.nbytes > limit.nbytes:
        return Outcome.EXCEEDED
    return Outcome.UNKNOWN if figure.bound is Bound.LOWER else Outcome.WITHIN


def _sentence(target: str, figure: Figure, limit: Limit, outcome: Outcome) -> str:
    """The figure with how it is known, the limit, by how much, and what a range or a gap leaves open."""
    how = f"{figure.basis.value}, {figure.bound.value}" + (f" of {range_words(figure)}" if figure.bound is Bound.ESTIMATE else "")
    what = f"{target}: {figure.name} {plural(figure.nbytes, 'byte')} ({both_units(figure.nbytes)}; {how})"
    bound = f"{limit.stated} ({plural(limit.nbytes, 'byte')}: {both_units(limit.nbytes)})"
    margin = limit.nbytes - figure.nbytes
    share = f", {100 * abs(margin) / limit.nbytes:.1f} %" if limit.nbytes else ""
    by = f"{plural(abs(margin), 'byte')} ({both_units(abs(margin))}{share})"
    verb, left = ("exceeds", f"by {by}") if margin < 0 else ("is within", f"with {by} left")
    tail = ""
    if outcome is Outcome.UNKNOWN:
        tail = "; something is not counted, so it may exceed it"
    elif outcome is Outcome.WITHIN and figure.high > limit.nbytes:
        tail = "; at the high end of its range it exceeds it"
    elif outcome is Outcome.EXCEEDED and figure.low <= limit.nbytes:
        tail = "; at the low end of its range it does not"
    detail = f" [{figure.detail}]" if figure.detail else ""
    return f"{what} {verb} {bound} {left}{tail}{detail}"
