"""What can be taken away: files that the page carries itself, so that the server keeps none, and a link to the same query."""

import base64
import re

from memscan.report import renderer
from memscan.report.bills import render_bills
from memscan.report.picture.drawing import quoted
from memscan.web.answer import Answer

FILES = (
    ("json", "application/json", "JSON", "json"),
    ("markdown", "text/markdown", "Markdown", "md"),
    ("csv", "text/csv", "CSV", "csv"),
)
LONGEST = 80  # characters of a file's name


def files_panel(answer: Answer) -> str:
    """Links that save the report, and one that asks the same again."""
    stem = file_stem(answer)
    saves = [_save(f"{stem}.{suffix}", kind, text(answer, output), f"Report as {label}") for output, kind, label, suffix in FILES]
    if answer.bill is not None:
        bill = render_bills([answer.bill], "json", explain=True)
        saves.append(_save(f"{stem}-{answer.bill.command}.json", "application/json", bill, "Bill as JSON"))
    link = quoted(answer.query.link())
    return (
        f'<section><h3>Save</h3><p class="ms-buttons">{"".join(saves)}</p>'
        '<p class="quiet">Pictures are saved as SVG or PNG from below each of them.</p></section>'
        f'<section><h3>Link</h3><p>This link asks the same again; it holds no token.</p><p class="ms-buttons">'
        f'<a class="ms-link" href="{link}" id="memscan-link">{link}</a>'
        '<button type="button" class="ms-button" data-copy="memscan-link">Copy link</button></p></section>'
    )


def text(answer: Answer, output: str) -> str:
    """The report in `output`, one of `memscan.report.FORMATS`."""
    return renderer(output)([answer.report]) + "\n"


def file_stem(answer: Answer) -> str:
    """A name for files about the model of `answer`."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", answer.report.model.origin.name).strip("-.")
    return f"memscan-{name}"[:LONGEST]


def _save(name: str, kind: str, content: str, label: str) -> str:
    data = base64.b64encode(content.encode()).decode("ascii")
    return f'<a class="ms-button" download="{quoted(name)}" href="data:{kind};base64,{data}">{quoted(label)}</a>'
