"""CSV: a header line, then one line for each finding; all sizes in exact bytes.

The outcome comes first: no line starts with a stranger's word.
"""

import csv
import io

from memscan.budget import Finding, Gate
from memscan.report.csv import guarded
from memscan.report.gate.identity import Identity, identities
from memscan.report.gate.orders import broken
from memscan.report.gate.words import margin

COLUMNS = (
    "outcome", "fails", "rule", "target", "commit", "dtype", "case", "figure", "bytes", "low_bytes", "high_bytes", "basis",
    "bound", "limit", "limit_bytes", "margin_bytes", "path", "line", "error", "message", "fingerprint",
)  # fmt: skip


def render(gate: Gate) -> str:
    """The findings, in order; one that could not be read has no figure."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_line, gate.findings, identities(gate)))
    return text.getvalue().rstrip("\n")


def _line(finding: Finding, identity: Identity) -> tuple[object, ...]:
    place, error = finding.place, finding.error
    return (
        finding.outcome.value,
        str(finding.fails).lower(),
        _word(finding.rule),
        _word(finding.target),
        _word(finding.commit),
        _word(finding.dtype),
        _word(finding.case),
        *_figure(finding),
        *_limit(finding),
        *(("", "") if place is None else (_word(place.path), place.line)),
        "" if error is None else type(error).__name__,
        _word(finding.message),
        identity.fingerprint,
    )


def _figure(finding: Finding) -> tuple[object, ...]:
    figure = finding.figure
    if figure is None:
        return ("",) * 6
    return (_word(figure.name), figure.nbytes, figure.low, figure.high, figure.basis.value, figure.bound.value)


def _limit(finding: Finding) -> tuple[object, ...]:
    limit, left = finding.limit, margin(finding)
    return ("" if limit is None else _word(limit.stated), "" if limit is None else limit.nbytes, "" if left is None else left)


def _word(text: str | None) -> str:
    return "" if text is None else guarded(broken(text))
