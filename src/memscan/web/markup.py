"""HTML from words and numbers, in which nothing of a stranger is markup."""

from collections.abc import Collection, Iterable, Sequence
from html import escape

from memscan.printable import safe


def words(text: str) -> str:
    """`text` between tags or in an attribute."""
    # Gradio reads ${...} and {{...}} in a page's HTML as templates of its own.
    return escape(safe(text)).replace("$", "&#36;").replace("{", "&#123;").replace("}", "&#125;")


def grid(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, texts: Collection[int] = (0,)) -> str:
    """A table; the first cell of each row names it, `texts` are the columns of words, and cells are markup."""
    head = "".join(f'<th scope="col"{_kind(index, texts)}>{words(name)}</th>' for index, name in enumerate(columns))
    body = "".join(f"<tr>{''.join(_cell(index, cell, texts) for index, cell in enumerate(row))}</tr>" for row in rows)
    return (
        f'<div class="ms-scroll" role="region" aria-label="{words(caption)}" tabindex="0"><table class="ms-table">'
        f"<caption>{words(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(index: int, cell: str, texts: Collection[int]) -> str:
    return f'<th scope="row">{cell}</th>' if index == 0 else f"<td{_kind(index, texts)}>{cell}</td>"


def _kind(index: int, texts: Collection[int]) -> str:
    return "" if index in texts else ' class="ms-number"'
