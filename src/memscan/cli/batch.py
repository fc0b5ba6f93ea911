"""The options of `memscan batch`."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from memscan.cli.options import DEBUG, KEEPING, SCOPES, WHERE, complete_dtypes, dtypes_callback, token_from

F = TypeVar("F", bound=Callable[..., object])

FORMATS = ("parquet", "csv", "jsonl")  # memscan.batch.FORMATS, spelt out so that --help need not import it
SORTS = ("created_at", "downloads", "last_modified", "likes", "trending_score")  # memscan.source.SORTS
CONCURRENCY = 32  # memscan.batch.CONCURRENCY; tests hold these together
SEARCH = ("author", "library", "search", "sort", "limit")

OPTIONS = (
    click.argument("file", metavar="[FILE|-]", required=False),
    click.option("--author", metavar="NAME", help="Search the Hub: models of this user or organization."),
    click.option("--library", metavar="NAME", help="Search the Hub: models of this library (transformers, gguf, ...)."),
    click.option("--search", metavar="WORDS", help="Search the Hub: models with these words in their names."),
    click.option("--sort", type=click.Choice(SORTS), help="Order of the search, descending."),
    click.option("--limit", type=click.IntRange(1), help="The first so many of the search."),
    click.option("-o", "--output", metavar="FILE", required=True, help="Write the rows to FILE: .parquet, .csv or .jsonl."),
    click.option("--format", "output_format", type=click.Choice(FORMATS), help="Output format, where FILE does not say it."),
    click.option("--resume", is_flag=True, help="Go on with a job that was stopped, without losing or repeating a row."),
    click.option("--retry-failed", is_flag=True, help="With --resume: read again what failed because of the network."),
    click.option(
        "--concurrency", type=click.IntRange(1, 1000), default=CONCURRENCY, show_default=True, help="Repositories read at once."
    ),
    click.option(
        "--scheduler",
        metavar="tcp://HOST:PORT|local[:N]",
        help="Read on a Dask cluster: that of a scheduler, or N processes here.  [default: this process alone]",
    ),
    *WHERE,
    click.option("--library-name", "library_name", metavar="NAME", help="The library that loads them, whatever the Hub says."),
    click.option(
        "--dtypes",
        metavar="DTYPE...",
        multiple=True,
        callback=dtypes_callback,
        shell_complete=complete_dtypes,
        help="Dtypes of the column estimates.  [default: float32 float16 int8 int4, and as stored]",
    ),
    click.option(
        "--scope", type=click.Choice(SCOPES), default="auto", show_default=True, help="Which tensors the numbers are about."
    ),
    *KEEPING,
    DEBUG,
)


def batch_options(command: F) -> F:
    """What to read, how, and where the rows go."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def scan_words(given: Mapping[str, object]) -> Mapping[str, Any]:
    """The keyword arguments of `memscan.scanning.ScanOptions` among click's parameters `given`."""
    return {
        "revision": given["revision"], "token": token_from(given["token"]), "library": given["library_name"],
        "dtypes": given["dtypes"], "scope": given["scope"], "cache": not given["no_cache"], "offline": given["offline"],
        "backend": "header",
    }  # fmt: skip
