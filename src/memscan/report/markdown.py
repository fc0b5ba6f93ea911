"""Markdown, for a pull request or a model card."""

import re
from collections.abc import Iterable, Sequence

from memscan.estimate import Report
from memscan.printable import safe
from memscan.report.base import Failure
from memscan.report.words import COLUMNS, FOOTNOTE, PART_COLUMNS, PLACEMENT_COLUMNS, part_rows, placement_rows, rows, title

MARKUP = re.compile(r"([\\`*_{}\[\]|~$<>&])")
NOTHING = "<!-- -->"  # what parts two characters for every reader of markdown, and for nobody who reads or copies the page
AUTOMATIC = re.compile(r":(?=//|\w+:)|(?<=www)\.")
REFERENCE = re.compile(r"([@#])(?=\w)")


def render(results: Sequence[Report | Failure]) -> str:
    """A section for each result, failures named."""
    return "\n\n".join(_one(result) for result in results)


def _one(result: Report | Failure) -> str:
    if isinstance(result, Failure):
        return not_read(result)
    lines = [f"### Memory usage for loading {code(result.model.origin.requested)}", "", heading(result), ""]
    if result.model.parts:
        lines.extend([*table(PART_COLUMNS, part_rows(result), texts=3), ""])
    lines.extend(table(COLUMNS, rows(result)))
    if result.placements:
        lines.extend(["", *table(PLACEMENT_COLUMNS, placement_rows(result))])
    lines.extend(["", f"<sub>{FOOTNOTE}</sub>"])
    if result.notes:
        lines.append("")
    lines.extend(f"- {cell(note.message)}" for note in result.notes)
    return "\n".join(lines)


def heading(report: Report) -> str:
    """The title of a report, each of its lines a paragraph."""
    return "\n\n".join(map(cell, title(report).split("\n")))


def table(columns: Sequence[str], cells: Iterable[Sequence[str]], *, texts: int = 1) -> list[str]:
    """The lines of a table whose first `texts` columns are words, aligned left, and the others numbers, aligned right."""
    marks = [":--" if index < texts else "--:" for index in range(len(columns))]
    lines = [f"| {' | '.join(columns)} |", f"|{'|'.join(marks)}|"]
    lines.extend(f"| {' | '.join(cell(value.strip()) for value in row)} |" for row in cells)
    return lines


def not_read(failure: Failure) -> str:
    """The section of a target that has no report."""
    return f"### {code(failure.requested)}\n\nNot read: {cell(str(failure.error))}"


def cell(text: str) -> str:
    """`text` as words of markdown: nothing in it is markup, a mention, a link or a reference."""
    escaped = MARKUP.sub(r"\\\1", safe(text))
    # What no backslash escapes: bare links and emoji; for mentions and references to issues, GitHub undoes entities first.
    apart = REFERENCE.sub(rf"\1{NOTHING}", escaped)
    return AUTOMATIC.sub(lambda match: f"&#{ord(match[0])};", apart)


def code(text: str) -> str:
    """`text` as a code span, whatever backticks it holds."""
    shown = safe(text).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{fence} {shown} {fence}" if "`" in shown else f"{fence}{shown}{fence}"
