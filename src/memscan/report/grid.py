"""Aligned columns of text, by tabulate, as the seed's guide prints them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import tabulate


def grid(rows: Sequence[Sequence[str]], headers: Sequence[str], *, layout: str, align: Sequence[str] | None = None) -> str:
    """`rows` below `headers` in tabulate's `layout`; every cell as it is, not read as a number and not stripped."""
    with _no_padding():
        return tabulate.tabulate(rows, headers, tablefmt=layout, disable_numparse=True, colalign=align, preserve_whitespace=True)


@contextmanager
def _no_padding() -> Iterator[None]:
    # A module variable and no argument in tabulate 0.10; the seed's headers have no padding of their own.
    before = tabulate.MIN_PADDING
    tabulate.MIN_PADDING = 0
    try:
        yield
    finally:
        tabulate.MIN_PADDING = before
