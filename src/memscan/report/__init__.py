"""How results are shown: each format one file with `render(results) -> str`; nothing here prints."""

from importlib import import_module

from memscan.report.base import Failure, Renderer

FORMATS = ("table", "json", "markdown", "csv")
"""Every output format; each is the module of that name in this room."""


def renderer(name: str) -> Renderer:
    """The renderer of `name`, one of FORMATS; only the one that is used is imported (tabulate alone costs start-up)."""
    render: Renderer = import_module(f"memscan.report.{name}").render
    return render


__all__ = ["FORMATS", "Failure", "Renderer", "renderer"]
