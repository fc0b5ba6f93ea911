"""How pictures look: colours that colour-blind people tell apart, in light and in dark, and the style sheet that names them.

The hues are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), as tints that dark text stays readable on and, for dark
pages, as shades that light text does; every area has an edge of its hue, and no meaning hangs on a colour alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','DejaVu Sans',Arial,sans-serif"
HUES = ("blue", "orange", "green", "purple", "teal", "yellow", "red")
GREY = "grey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """The colours of one of the two: light or dark."""

    paper: str
    frame: str
    """Of groups of areas."""
    ink: str
    quiet: str
    """Of what is said in small print."""
    line: str
    """Of axes and edges that carry no meaning."""
    mark: str
    """Of the line of a device's memory."""
    fills: Mapping[str, str]
    edges: Mapping[str, str]


LIGHT = Theme(
    paper="#ffffff", frame="#eef1f4", ink="#16202a", quiet="#4c5865", line="#c3cad1", mark="#a3123a",
    fills={
        "blue": "#a9cdf0", "orange": "#f7c27d", "green": "#93d8b4", "purple": "#e2b3d9", "teal": "#9adfe3", "yellow": "#f1e68c",
        "red": "#f4ab97", "grey": "#d5dade",
    },
    edges={
        "blue": "#2a6aa5", "orange": "#a35c00", "green": "#1b7a4f", "purple": "#94408a", "teal": "#147a80", "yellow": "#7d7000",
        "red": "#b3422a", "grey": "#66717c",
    },
)  # fmt: skip
DARK = Theme(
    paper="#14181d", frame="#20262d", ink="#eef2f6", quiet="#b3bdc8", line="#46505b", mark="#ff8fa8",
    fills={
        "blue": "#1f5186", "orange": "#7a4a0a", "green": "#1b5f40", "purple": "#6f3767", "teal": "#155a5f", "yellow": "#5c5407",
        "red": "#853a29", "grey": "#444d57",
    },
    edges={
        "blue": "#7db4ea", "orange": "#e8a34c", "green": "#64c795", "purple": "#d58dc9", "teal": "#5fc4ca", "yellow": "#d0c24a",
        "red": "#ee8d75", "grey": "#9aa6b2",
    },
)  # fmt: skip


def _rules(scope: str, theme: Theme) -> Iterator[str]:
    yield f"{scope} .paper{{fill:{theme.paper}}}"
    yield f"{scope} .frame{{fill:{theme.frame};stroke:{theme.line}}}"
    yield f"{scope} .ink{{fill:{theme.ink}}}"
    yield f"{scope} .quiet{{fill:{theme.quiet}}}"
    yield f"{scope} .line{{stroke:{theme.line}}}"
    yield f"{scope} .mark{{stroke:{theme.mark}}}"
    yield f"{scope} .warn{{fill:{theme.mark}}}"
    yield f"{scope} .whisker{{stroke:{theme.ink}}}"
    yield f"{scope} .hatch{{stroke:{theme.ink}}}"
    yield f"{scope} .none{{fill:{theme.paper};stroke:{theme.quiet}}}"
    for name in (*HUES, GREY):
        yield f"{scope} .{name}{{fill:{theme.fills[name]};stroke:{theme.edges[name]}}}"


def _sheet() -> str:
    # Light first, for viewers that know no media query. A page that decides itself has the class `light` or `dark`, or `themed`
    # where it has `dark` and, for light, no class.
    shape = (
        f".memscan text{{font-family:{FONT};font-size:13px}}",
        ".memscan .big{font-size:16px;font-weight:600}",
        ".memscan .small{font-size:12px}",
        ".memscan .bold{font-weight:600}",
        ".memscan .end{text-anchor:end}",
        ".memscan .middle{text-anchor:middle}",
        ".memscan .line,.memscan .mark,.memscan .whisker,.memscan .hatch{fill:none}",
        ".memscan .mark{stroke-width:2.5;stroke-dasharray:5 2}",
        ".memscan .whisker{stroke-width:1.5}",
        ".memscan .hatch{opacity:.22}",
        ".memscan .none{stroke-dasharray:4 3}",
        ".memscan .dense{opacity:.5}",
    )
    system = ".memscan:not(.light):not(.light *):not(.themed *)"
    dark = [*_rules(".memscan.dark", DARK), *_rules(".dark .memscan", DARK)]
    media = "".join(_rules(system, DARK))
    return "".join((*shape, *_rules(".memscan", LIGHT), f"@media (prefers-color-scheme:dark){{{media}}}", *dark))


STYLE = _sheet()
"""The style sheet of every picture, the same text in each: a page that allows it by its hash allows them all."""
