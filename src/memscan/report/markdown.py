"""Markdown, for a pull request or a model card."""

from collections.abc import Sequence

from memscan.estimate import Report
from memscan.printable import safe
from memscan.report.base import Failure
from memscan.report.words import COLUMNS, FOOTNOTE, rows, title


def render(results: Sequence[Report | Failure]) -> str:
    """A section for each result, failures named."""
    return "\n\n".join(_one(result) for result in results)


def _one(result: Report | Failure) -> str:
    if isinstance(result, Failure):
        return not_read(result)
    lines = [f"### Memory usage for loading `{cell(result.model.origin.requested)}`", "", cell(title(result)), ""]
    lines.append(f"| {' | '.join(COLUMNS)} |")
    lines.append("|:--|--:|--:|--:|")
    lines.extend(f"| {' | '.join(cell(value) for value in row)} |" for row in rows(result))
    lines.extend(["", f"<sub>{FOOTNOTE}</sub>"])
    if result.notes:
        lines.append("")
    lines.extend(f"- {cell(note.message)}" for note in result.notes)
    return "\n".join(lines)


def not_read(failure: Failure) -> str:
    """The section of a target that has no report."""
    return f"### `{cell(failure.requested)}`\n\nNot read: {cell(str(failure.error))}"


def cell(text: str) -> str:
    """`text` for one cell of a markdown table."""
    return safe(text).replace("\\", "\\\\").replace("|", "\\|").replace("`", "'").replace("<", "&lt;")
