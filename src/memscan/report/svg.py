"""The picture alone: the treemap of each report, below each other, as one SVG document."""

from collections.abc import Sequence

from memscan.estimate import Report
from memscan.report.base import Failure
from memscan.report.picture import stacked
from memscan.report.picture.treemap import tree_drawing


def render(results: Sequence[Report | Failure]) -> str:
    """The pictures of all reports, in order; a failure has none."""
    return stacked(tree_drawing(result) for result in results if isinstance(result, Report))
