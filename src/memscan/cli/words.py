"""Words of the command line that become numbers and sizes: counts of tokens, bytes."""

import re
from typing import Any

import click

from memscan.errors import UsageError
from memscan.size import parse_size

COUNT = re.compile(r"(\d[\d_,]*)([kKmM]?)")
SCALES = {"": 1, "k": 1 << 10, "m": 1 << 20}
LONGEST = 20  # characters; a longer number is no count


class Count(click.ParamType[int]):
    """A whole number of at least 1: `8192`, `8,192`, `8k` (8,192)."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; UsageError of click where it is none."""
        if isinstance(value, int):
            return value
        found = COUNT.fullmatch(value) if len(value) <= LONGEST else None
        number = 0 if found is None else int(re.sub("[_,]", "", found[1])) * SCALES[found[2].lower()]
        if number < 1:
            self.fail(
                f"{value[:LONGEST]!a} is not a count; expected a whole number of at least 1, such as 8192 or 8k", param, ctx
            )
        return number


class Size(click.ParamType[int]):
    """Bytes: `24GiB`, `24GB`, `500MB`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The bytes; UsageError of click where it is none."""
        if isinstance(value, int):
            return value
        try:
            return parse_size(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)
