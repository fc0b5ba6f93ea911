"""Annotations of GitHub Actions: a workflow command for each finding that asks something of its reader.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands ; escaped as the runner undoes it
(actions/runner, src/Runner.Common/ActionCommand.cs). GitHub shows 10 annotations of each kind for one step; all are in the log.
"""

from memscan.budget import Finding, Gate, Outcome
from memscan.printable import safe
from memscan.report.gate.words import Gravity, failing_first, gravity, headline, sentence, title, worst

COMMANDS = {Gravity.ERROR: "error", Gravity.WARNING: "warning", Gravity.NOTICE: "notice"}


def render(gate: Gate) -> str:
    """Errors, warnings, notices, then lines without a command for what is within, and the outcome of all."""
    return "\n".join([*map(_line, failing_first(gate)), f"Gate {headline(gate)}"])


def step_outputs(gate: Gate) -> dict[str, str]:
    """What later steps may want: the outcome, counts, the largest figure and the smallest margin in bytes, the first sentence."""
    figures = [finding.figure.nbytes for finding in gate.findings if finding.figure is not None]
    outcomes = [finding.outcome for finding in gate.findings]
    failed = [finding for finding in failing_first(gate) if finding.fails]
    return {
        "outcome": worst(gate).value,
        "passed": str(not failed).lower(),
        "checked": str(len(outcomes)),
        "failed": str(len(failed)),
        "exceeded": str(outcomes.count(Outcome.EXCEEDED)),
        "unknown": str(outcomes.count(Outcome.UNKNOWN)),
        "not_read": str(outcomes.count(Outcome.NOT_READ)),
        "max_bytes": str(max(figures)) if figures else "",
        "message": sentence(failed[0]) if failed else "",
    }


def _line(finding: Finding) -> str:
    command = COMMANDS.get(gravity(finding))
    if command is None:
        return f"{finding.outcome.value.capitalize()}: {sentence(finding)}"
    place = finding.place
    where = {} if place is None else {"file": safe(place.path), "line": str(place.line)}
    properties = ",".join(f"{key}={_property(value)}" for key, value in {**where, "title": f"memscan: {title(finding)}"}.items())
    return f"::{command} {properties}::{_data(sentence(finding))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
