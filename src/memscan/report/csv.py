"""CSV: a header line, then one line for each estimate; all sizes in exact bytes."""

import csv
import io
from collections.abc import Sequence

from memscan.estimate import Report
from memscan.printable import safe
from memscan.report.base import Failure

COLUMNS = (
    "target", "repo_id", "commit", "scope", "dtype", "stored", "basis",
    "largest_layer", "largest_layer_bytes", "total_bytes", "training_bytes",
)  # fmt: skip


def render(results: Sequence[Report | Failure]) -> str:
    """The estimates of all reports, in order; a failure has no line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in results:
        if isinstance(result, Report):
            writer.writerows(_rows(result))
    return text.getvalue().rstrip("\n")


def _rows(report: Report) -> list[tuple[object, ...]]:
    origin = report.model.origin
    layer = "" if report.largest_layer is None else guarded(report.largest_layer.name)
    return [
        (
            guarded(origin.requested),
            origin.repo_id or "",
            guarded(origin.commit or ""),
            row.scope,
            row.dtype,
            str(row.stored).lower(),
            row.basis.value,
            layer,
            row.largest_layer_bytes,
            row.total_bytes,
            "" if row.training_bytes is None else row.training_bytes,
        )
        for row in report.estimates
    ]


def guarded(text: str) -> str:
    """A stranger's word that no spreadsheet takes for a formula (https://owasp.org/www-community/attacks/CSV_Injection)."""
    shown = safe(text)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown
