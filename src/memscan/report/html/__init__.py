"""HTML: one page for each answer, complete in itself, for people who open it in a browser or send it on."""

from collections.abc import Sequence

from memscan.estimate import Report
from memscan.report.base import Failure
from memscan.report.html.reports import report_page


def render(results: Sequence[Report | Failure]) -> str:
    """A section for each result, failures named."""
    return report_page(results)
