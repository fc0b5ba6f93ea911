"""A gate in every output format: those for people, those for programs, those that CI systems speak."""

from importlib import import_module

from memscan.budget import Gate

GATE_FORMATS = ("table", "json", "markdown", "csv", "html", "github", "junit", "sarif", "gitlab")
"""Every output format of a gate; each is the module of that name in `memscan.report.gate`."""


def render_gate(gate: Gate, output: str) -> str:
    """The text of `gate` in `output`, one of GATE_FORMATS, without a line break at the end."""
    text: str = import_module(f"memscan.report.gate.{output}").render(gate)
    return text


def step_summary(gate: Gate) -> str:
    """The markdown of `gate` for the summary of a step of GitHub Actions, as much as such a summary may hold."""
    from memscan.report.gate import markdown

    return markdown.step_summary(gate)


def step_outputs(gate: Gate) -> dict[str, str]:
    """What a step of GitHub Actions hands to later steps: each value one line, by its name."""
    from memscan.report.gate import github

    return github.step_outputs(gate)
