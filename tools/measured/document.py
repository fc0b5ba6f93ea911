"""docs/accuracy-running.md: the groups as tables, with a summary before them."""

import textwrap
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.measured.activations import section as activations
from tools.measured.row import GIB, MIB, Group, Row

WIDTH = 128
UNITS = {"GiB": GIB, "MiB": MIB, "": 1}
ORIGIN = "Written by `python -m tools.measured` from fixtures/measured and the code as it is; it needs neither network nor torch."
TEXTS: dict[str, dict[str, str]] = tomllib.loads((Path(__file__).parent / "texts.toml").read_text())
"""Of the document, under `document`, and of each group."""


def document(groups: Sequence[Group]) -> str:
    """The whole file."""
    whole = TEXTS["document"]
    parts = [
        f"# {whole['title']}",
        "",
        ORIGIN,
        "",
        _filled(whole["about"]),
        "",
        "## Summary",
        "",
        *_summary(groups),
        "",
        "## Where memscan is far off",
        "",
    ]
    parts += [textwrap.fill(line, WIDTH, subsequent_indent="  ") for line in whole["verdict"].split("\n")]
    for group in groups:
        text = TEXTS[group.name]
        parts += ["", f"## {text['title']}", "", _filled(text["about"]), "", *_table(group)]
        if text["verdict"]:
            parts += ["", _filled(text["verdict"])]
    parts += ["", "## Activations: the recipes", "", _filled(whole["activations"]), "", *activations()]
    return "\n".join(parts) + "\n"


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False, break_long_words=False)


def _summary(groups: Sequence[Group]) -> Iterator[str]:
    yield "| measurements | rows | median error | worst | in memscan's range |"
    yield "|---|---:|---:|---:|---:|"
    for group in groups:
        inside = f"{sum(row.is_within for row in group.rows)} of {len(group.rows)}" if group.is_ranged else ""
        title = TEXTS[group.name]["title"]
        yield f"| {title} | {len(group.rows)} | {_percent(group.middle)} | {_signed(group.worst.error)} | {inside} |"


def _table(group: Group) -> Iterator[str]:
    if group.is_brief:
        yield from _families(group)
        return
    unit = f", {group.unit}" if group.unit else ""
    ranged = " range |" if group.is_ranged else ""
    yield f"| what | of what | measured{unit} | memscan{unit} | error |{ranged} |"
    yield f"|---|---|---:|---:|---:|{'---:|' if ranged else ''}---|"
    for row in group.rows:
        span = f" {_size(row.low, group)} to {_size(row.high, group)} |" if ranged else ""
        yield (
            f"| {row.what} | {row.quantity} | {_size(row.measured, group)} | {_size(row.predicted, group)} |"
            f" {_signed(row.error)} |{span} {row.note} |"
        )


def _families(group: Group) -> Iterator[str]:
    families: dict[str, list[Row]] = defaultdict(list)
    for row in group.rows:
        families[row.what].append(row)
    yield "| family | cases | worst error |"
    yield "|---|---:|---:|"
    for family in sorted(families):
        worst = max(families[family], key=lambda row: abs(row.error))
        yield f"| {family} | {len(families[family])} | {_signed(worst.error, 3)} |"


def _size(value: float | None, group: Group) -> str:
    value = (value or 0) / UNITS[group.unit]
    if not group.unit:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if group.unit == "MiB" else f"{value:,.3f}" if abs(value) < 10 else f"{value:,.2f}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _signed(share: float, digits: int = 2) -> str:
    shown = f"{100 * share:+.{digits}f} %"
    return shown.replace("-", "+") if float(shown[:-2]) == 0 else shown
