"""What is asked beside what was read: the findings."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from memscan.bills import Workload, on_devices, spread
from memscan.budget.asked import Asked
from memscan.budget.base import Bound, Figure, Finding, Gate, Limit, Outcome
from memscan.budget.figures import bill_figure, weights_figure
from memscan.budget.growth import allowed
from memscan.budget.verdicts import FAIL, blank, judged, not_read
from memscan.errors import MemscanError
from memscan.estimate import Report
from memscan.printable import shown_word

Read = Callable[[Asked], Report | MemscanError]
"""The report on a question's target or baseline, with a row of its dtype; or why there is none."""


def gate(questions: Sequence[Asked], target: Read, baseline: Read) -> Gate:
    """The findings of all `questions`; `target` and `baseline` give what was read for each."""
    return Gate(findings=tuple(finding for question in questions for finding in _findings(question, target, baseline)))


def _findings(question: Asked, target: Read, baseline: Read) -> list[Finding]:
    report = target(question)
    origin = None if isinstance(report, MemscanError) else report.model.origin
    start = blank(
        "baseline" if question.limit is None else question.subject,
        shown_word(question.target) if origin is None else origin.requested, dtype=question.dtype, place=question.place,
        commit=None if origin is None else origin.commit, case=question.case,
    )  # fmt: skip
    try:
        if isinstance(report, MemscanError):
            raise report
        figure = _figure(report, question)
    except MemscanError as error:
        return [not_read(start, error)]
    found = [] if question.limit is None else [judged(start, figure, question.limit, unknown=question.unknown)]
    if question.baseline is not None and question.growth is not None:
        found.append(_grown(question, start, figure, baseline(question)))
    return found


def _figure(report: Report, question: Asked) -> Figure:
    if question.work is None:
        return weights_figure(report, question.subject, question.dtype)
    work = question.work
    several = spread(report, work, question.count) if isinstance(work, Workload) else on_devices(work, question.count)
    return bill_figure(report, several, question.device)


def _grown(question: Asked, start: Finding, figure: Figure, before: Report | MemscanError) -> Finding:
    """The same figure of the baseline, and how much more this one may be."""
    start, known = replace(start, rule="baseline"), shown_word(question.baseline or "")
    try:
        if isinstance(before, MemscanError):
            raise before
        base = _figure(before, question)
    except MemscanError as error:
        return not_read(start, type(error)(f"baseline {known}: {error}"))
    limit = Limit(
        nbytes=base.nbytes + allowed(question.growth or "", base.nbytes),
        stated=f"{question.growth} more than the {base.nbytes:,} bytes of {known}",
    )
    found = judged(start, figure, limit, unknown=question.unknown)
    if base.bound is not Bound.LOWER or found.outcome is not Outcome.EXCEEDED:
        return found
    # What is not counted of the baseline would raise the limit.
    message = f"{found.message}; but the baseline is {base.bound.value} [{base.detail}]"
    return replace(found, outcome=Outcome.UNKNOWN, fails=question.unknown == FAIL, message=message)
