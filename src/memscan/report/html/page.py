"""One page that needs nothing else: its style is inside, it has no script, and its policy lets nothing in that it has not."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from memscan.report.base import Failure
from memscan.report.picture.drawing import NARROW, WIDE, quoted
from memscan.report.picture.style import DARK, FONT, LIGHT, STYLE, Theme
from memscan.report.words import short
from memscan.units import plural
from memscan.version import __version__

LONG = 24  # characters
AFTER = re.compile(r"([./_])(?=[^\W\d])")


def _colours(theme: Theme) -> str:
    return (
        f":root{{--paper:{theme.paper};--frame:{theme.frame};--ink:{theme.ink};--quiet:{theme.quiet};--line:{theme.line};"
        f"--mark:{theme.mark};--edge:{theme.edges['blue']}}}"
    )


SHEET = "".join(
    (
        _colours(LIGHT),
        f"@media (prefers-color-scheme:dark){{{_colours(DARK)}}}",
        f"body{{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 {FONT}}}",
        "main{max-width:1000px;margin:0 auto;padding:16px}",
        "h1{font-size:1.6em;line-height:1.25;overflow-wrap:anywhere}",
        "h2{font-size:1.25em;line-height:1.3;margin:1.2em 0 .5em}",
        "section+section{margin-top:2.5em;border-top:1px solid var(--line)}",
        "h2{overflow-wrap:anywhere}",
        "h3{font-size:1.05em;margin:1.6em 0 .5em}",
        "p,li,summary,td,caption{overflow-wrap:anywhere}",
        "td:not(.number){min-width:6em}",
        "figure{margin:1em 0}",
        "svg{display:block;height:auto;border:1px solid var(--line);border-radius:8px}",
        ".narrow{display:none}",
        ".scroll{overflow-x:auto;margin:.75em 0}",
        "table{border-collapse:collapse;font-size:.94em;font-variant-numeric:tabular-nums}",
        "caption{text-align:left;color:var(--quiet);padding-bottom:.3em}",
        "th,td{padding:.35em .8em;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}",
        "th{background:var(--frame);font-weight:600}",
        ".number{text-align:right;white-space:nowrap}",
        "summary{cursor:pointer;padding:.15em 0}",
        ":focus-visible{outline:3px solid var(--edge);outline-offset:2px}",
        ".tree,.tree ul{list-style:none;margin:0;padding-left:1.1em}",
        ".tree{padding-left:0}",
        ".tree li.leaf{padding-left:1.05em}",
        ".tree .name{font-weight:600}",
        ".quiet,footer{color:var(--quiet)}",
        ".verdict{font-weight:600}",
        ".failed{color:var(--mark)}",
        "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--frame);padding:.8em;border-radius:6px}",
        "@media (max-width:640px){.wide{display:none}.narrow{display:block}th,td{padding:.3em .5em}}",
        "@media print{.narrow{display:none}.wide{display:block}}",
    )
)
"""The style of the page; its colours are those of the pictures."""


def _hashed(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


POLICY = f"default-src 'none'; style-src {_hashed(SHEET)} {_hashed(STYLE)}; base-uri 'none'; form-action 'none'"
"""No script, no picture, no font, no request, and no style but the two that are ours, by their hashes."""


def page(title: str, sections: Iterable[str], *, heading: str | None = None) -> str:
    """The whole document; `sections` are HTML, `title` and `heading`, the title where there is none, are words."""
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{quoted(title)}</title>",
            f"<style>{SHEET}</style>",
            "</head>",
            "<body>",
            "<main>",
            f"<h1>{quoted(heading or title)}</h1>",
            *sections,
            f"<footer><p>memscan {quoted(__version__)}</p></footer>",
            "</main>",
            "</body>",
            "</html>",
        )
    )


def paragraph(text: str, kind: str = "") -> str:
    """Words."""
    return f'<p class="{kind}">{quoted(text)}</p>' if kind else f"<p>{quoted(text)}</p>"


def _breakable(text: str) -> str:
    """A cell, whose names, if they are long, may be parted where their own parts end."""
    return AFTER.sub(r"\1<wbr>", quoted(text)) if len(text) > LONG else quoted(text)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    caption: str,
    *,
    texts: Iterable[int] = (0,),
    cell: Callable[[str], str] = _breakable,
) -> str:
    """A table that scrolls where it is too wide; the columns at `texts` are words, the others numbers.

    `cell` makes HTML of the words of one cell.
    """
    words = frozenset(texts)
    kinds = ["" if index in words else ' class="number"' for index in range(len(columns))]
    head = "".join(f'<th scope="col"{kind}>{quoted(name)}</th>' for name, kind in zip(columns, kinds, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{cell(word.strip())}</td>' for word, kind in zip(row, kinds, strict=True))}</tr>"
        for row in rows
    )
    region = f'<div class="scroll" role="region" tabindex="0" aria-label="{quoted(caption)}">'
    start = f"{region}<table><caption>{quoted(caption)}</caption>"
    return f"{start}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def folded(summary: str, inside: str, *, opened: bool = False) -> str:
    """What is shown when somebody asks for it; `inside` is HTML."""
    return f"<details{' open' if opened else ''}><summary>{quoted(summary)}</summary>{inside}</details>"


def listed(lines: Iterable[str]) -> str:
    """A list of sentences; nothing where there are none."""
    items = "".join(f"<li>{quoted(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


SIZES = (("wide", WIDE), ("narrow", NARROW))
"""The widths that a page draws a picture in, each for screens of its own."""


def models_page(what: str, names: Sequence[str], sections: Iterable[str]) -> str:
    """A page about models: `what` of each of `names` it says."""
    of = names[0] if len(names) == 1 else plural(len(names), "model")
    return page(f"{what}: {of}", sections, heading=what if len(names) == 1 else None)


def section(name: str, blocks: Iterable[str]) -> str:
    """One model; `blocks` are HTML."""
    return "\n".join(("<section>", f"<h2>{quoted(name)}</h2>", *filter(None, blocks), "</section>"))


def failed(failure: Failure) -> str:
    """The section of a target that could not be read."""
    return section(short(failure.requested), [paragraph(f"Not read: {failure.error}", "failed")])


def noted(notes: Sequence[str], level: int = 3) -> str:
    """What is to be said beside the numbers."""
    return f"<h{level}>Notes</h{level}>{listed(notes)}" if notes else ""
