"""Markdown for a comment on a pull request, and for the summary of a step: what failed, all limits, the modules folded away."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from memscan.budget import Finding, Gate
from memscan.report.gate.modules import lines, modules_of
from memscan.report.gate.orders import broken
from memscan.report.gate.words import Gravity, exact, failing_first, gravity, headline, kind, margin, name, outcome, sentence
from memscan.report.markdown import NOTHING, REFERENCE, cell, code
from memscan.report.words import short
from memscan.units import iec_bytes, plural

COMMENT = 65_000  # bytes; GitHub takes comments of 65,536 characters
SUMMARY = 1_000_000  # bytes; GitHub takes 1,048,576 for one step
ROOM = 600  # bytes kept for the lines that say what is left out
COLUMNS = ("Outcome", "Target", "What", "dtype", "Figure", "Limit", "Margin", "Budget")
MARKS = "|:--|:--|:--|:--|--:|--:|--:|:--|"


@dataclass(slots=True)
class Sheet:
    """Blocks of lines within a number of bytes; the one thing here that changes."""

    most: int
    lines: list[str] = field(default_factory=list)
    size: int = 0

    def add(self, block: Sequence[str], *, most: int | None = None) -> bool:
        """Add `block` where it fits, whole or not at all."""
        size = sum(len(line.encode("utf-8", "surrogatepass")) + 1 for line in block)
        if self.size + size > (self.most if most is None else most):
            return False
        self.lines.extend(block)
        self.size += size
        return True


def render(gate: Gate) -> str:
    """As much as fits a comment."""
    return _page(gate, COMMENT)


def step_summary(gate: Gate) -> str:
    """As much as fits the summary of a step."""
    return _page(gate, SUMMARY)


def _page(gate: Gate, most: int) -> str:
    sheet = Sheet(most=most - ROOM)
    sheet.add([f"### Memory gate {headline(gate)}", ""])
    grave = [finding for finding in failing_first(gate) if gravity(finding) is not Gravity.NONE]
    left = sum(not sheet.add([_sentence(finding)], most=sheet.most // 2) for finding in grave)
    sheet.lines.extend([f"- and {plural(left, 'more sentence')}, for which there is no room"] if left else [])
    if gate.findings:
        sheet.add(["", f"| {' | '.join(COLUMNS)} |", MARKS] if grave else [f"| {' | '.join(COLUMNS)} |", MARKS])
        left = sum(not sheet.add([_row(finding)]) for finding in failing_first(gate))
        sheet.lines.extend(["", f"{plural(left, 'more limit')}, for which there is no room"] if left else [])
    trees = [finding for finding in failing_first(gate) if modules_of(finding)]
    left = sum(not sheet.add(list(_modules(finding))) for finding in trees)
    sheet.lines.extend(["", f"{plural(left, 'more tree')} of modules, for which there is no room"] if left else [])
    return "\n".join(sheet.lines).rstrip("\n")


def _sentence(finding: Finding) -> str:
    return f"- **{outcome(finding)}**: {cell(sentence(finding))}"


def _row(finding: Finding) -> str:
    figure, limit, left, place = finding.figure, finding.limit, margin(finding), finding.place
    cells = (
        outcome(finding) if gravity(finding) is Gravity.NONE else f"**{outcome(finding)}**",
        code(name(finding)),
        cell(kind(finding)),
        cell(finding.dtype or ""),
        "not known" if figure is None else exact(figure.nbytes),
        "" if limit is None else f"{cell(short(limit.stated))}: {exact(limit.nbytes)}",
        "" if left is None else iec_bytes(left),
        "" if place is None else f"{cell(short(place.path))}:{place.line}",
    )
    return f"| {' | '.join(cells)} |"


def _modules(finding: Finding) -> Iterator[str]:
    """A list that is folded until somebody opens it; what is inside HTML is markdown again after a blank line, and not before."""
    count = plural(len(modules_of(finding)), "module")
    yield from ("", f"<details><summary>{_html(name(finding))}, {_html(kind(finding))}: {count}</summary>", "")
    for depth, words, size in lines(finding):
        yield f"{'  ' * depth}- {_code(words)}: {size}" if words else f"{'  ' * depth}- {size}"
    yield from ("", "</details>")


def _html(text: str) -> str:
    """The same inside HTML, where no backslash escapes."""
    return REFERENCE.sub(rf"\1{NOTHING}", escape(text))


def _code(text: str) -> str:
    """A code span outside a table, where a bar is escaped by nothing."""
    return code(broken(short(text))).replace("\\|", "|")
