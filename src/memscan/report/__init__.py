"""How results are shown: each format one file with `render(results) -> str`; nothing here prints."""

from collections.abc import Sequence
from importlib import import_module

from memscan.estimate import Report
from memscan.model import FileSurvey
from memscan.report.base import Failure, Renderer

FORMATS = ("table", "json", "markdown", "csv")
"""The output formats that every command has; each is the module of that name in this room."""
PICTURES = ("html", "svg")
"""Those of commands that have something to draw; likewise."""


def renderer(name: str) -> Renderer:
    """The renderer of `name`, one of FORMATS or PICTURES; only that one is imported (tabulate alone costs start-up)."""
    render: Renderer = import_module(f"memscan.report.{name}").render
    return render


def render_layers(results: Sequence[Report | Failure], *, depth: int, output: str) -> str:
    """The module trees of `results`; see `memscan.report.layers`."""
    from memscan.report import layers

    return layers.render_layers(results, depth=depth, output=output)


def render_files(results: Sequence[FileSurvey | Failure], output: str) -> str:
    """The weight files of `results`; see `memscan.report.files`."""
    from memscan.report import files

    return files.render_files(results, output)


__all__ = ["FORMATS", "PICTURES", "Failure", "Renderer", "render_files", "render_layers", "renderer"]
