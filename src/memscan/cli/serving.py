"""The options of `memscan serve`."""

from collections.abc import Callable
from typing import TypeVar

import click

from memscan.cli.words import Size

F = TypeVar("F", bound=Callable[..., object])

URLS = ("none", "public", "any")  # memscan.web.Urls, spelt out so that --help need not import it
SERVING = (
    click.option(
        "--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Listen at it; 0.0.0.0 is for everybody."
    ),
    click.option(
        "--port", type=click.IntRange(0, 65535), default=7860, show_default=True, metavar="N", help="0: any that is free."
    ),
    click.option(
        "--urls",
        type=click.Choice(URLS),
        default="public",
        show_default=True,
        help="URLs outside the Hub to read: none, those of public hosts by https, or any.",
    ),
    click.option(
        "--readings", type=click.IntRange(1, 64), default=4, show_default=True, metavar="N", help="Models read at once."
    ),
    click.option("--waiting", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="Queries that may wait."),
    click.option(
        "--timeout", type=click.FloatRange(1, 3600), default=60.0, show_default=True, metavar="SECONDS", help="For one query."
    ),
    click.option(
        "--max-headers", type=Size(), default="64MiB", show_default=True, metavar="SIZE", help="What one query may read."
    ),
    click.option(
        "--rate",
        type=click.FloatRange(0.1, 100_000),
        default=20.0,
        show_default=True,
        metavar="N",
        help="Queries of a client a minute.",
    ),
    click.option(
        "--proxies",
        type=click.IntRange(0, 10),
        default=0,
        show_default=True,
        metavar="N",
        help="Proxies in front, whose X-Forwarded-For says who a client is.",
    ),
)


def serving_options(command: F) -> F:
    """Where the page is served, and what each of its users gets."""
    for option in reversed(SERVING):
        command = option(command)
    return command
