"""Words of the command line that become numbers and sizes: counts of tokens, bytes."""

from typing import Any

import click

from memscan.count import parse_count
from memscan.errors import UsageError
from memscan.size import parse_size


class Count(click.ParamType[int]):
    """A whole number of at least 1: `8192`, `8,192`, `8k` (8,192)."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; UsageError of click where it is none."""
        if isinstance(value, int):
            return value
        try:
            return parse_count(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


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
