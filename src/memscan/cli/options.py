"""The options that every command with targets shares, and the value that they become."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import click

from memscan.cli.dtypes import parse_dtypes
from memscan.dtype import CASTS

F = TypeVar("F", bound=Callable[..., object])

OUTPUT_FORMATS = ("table", "json", "markdown", "csv")  # memscan.report.FORMATS, spelt out so that --help need not import it
SCOPES = ("auto", "checkpoint")  # memscan.scanning.SCOPES, likewise; tests hold both pairs together


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the words of the command line mean."""

    targets: tuple[str, ...]
    revision: str | None
    token: str | None
    library: str | None
    scope: str
    output_format: str
    output: str | None
    dtypes: tuple[str, ...] | None = None


def dtypes_callback(_ctx: click.Context, _param: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...] | None:
    """The names of all `--dtypes` given, or None without any."""
    return tuple(name for word in words for name in parse_dtypes(word)) or None


def complete_dtypes(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The names that start so, for the shell."""
    return [name for name in CASTS if name.startswith(incomplete)]


def target_options(command: F) -> F:
    """TARGETs, and the options that say how to read them and where the answer goes."""
    decorators = (
        click.argument("targets", metavar="TARGET...", nargs=-1, required=True),
        click.option("--revision", metavar="REV", help="Branch, tag, commit or refs/pr/N of the repository."),
        click.option(
            "--token",
            metavar="TOKEN",
            help="Token for private and gated models; '-' reads it from standard input. Better: set HF_TOKEN.",
        ),
        click.option(
            "--library-name", "library", metavar="NAME", help="The library that loads it: transformers, timm, diffusers, ..."
        ),
        click.option(
            "--scope", type=click.Choice(SCOPES), default="auto", show_default=True, help="Which tensors the numbers are about."
        ),
        click.option(
            "--format",
            "output_format",
            type=click.Choice(OUTPUT_FORMATS),
            default="table",
            show_default=True,
            help="Output format.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Short for --format json."),
        click.option("-o", "--output", metavar="FILE", help="Write to FILE instead of standard output."),
        click.option(
            "--trust-remote-code",
            is_flag=True,
            help="Accepted for compatibility: headers are read and no code of a model is run.",
        ),
        click.option("--debug", is_flag=True, help="Show where an error was raised."),
    )
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


def options_from(given: dict[str, object]) -> Options:
    """The shared options among click's parameters `given`; reads the token from standard input if asked to."""
    token = given["token"]
    if token == "-":  # noqa: S105 -- the word for standard input
        token = sys.stdin.readline().strip()
        if not token:
            raise click.UsageError("--token - found no token on standard input")

    def text(key: str) -> str | None:
        value = given[key]
        return None if value is None else str(value)

    targets, dtypes = given["targets"], given.get("dtypes")
    return Options(
        targets=targets if isinstance(targets, tuple) else (),
        revision=text("revision"),
        token=None if token is None else str(token),
        library=text("library"),
        scope=str(given["scope"]),
        output_format="json" if given["as_json"] else str(given["output_format"]),
        output=text("output"),
        dtypes=dtypes if isinstance(dtypes, tuple) else None,
    )
