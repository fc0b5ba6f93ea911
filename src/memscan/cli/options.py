"""The options that every command with targets shares, and the value that they become."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from memscan.cli.dtypes import DTYPES, parse_dtypes

F = TypeVar("F", bound=Callable[..., object])

OUTPUT_FORMATS = ("table", "json", "markdown", "csv")  # memscan.report.FORMATS, spelt out so that --help need not import it
PICTURES = ("html", "svg")  # memscan.report.PICTURES: of commands that have something to draw
GATE_FORMATS = ("github", "junit", "sarif", "gitlab")  # memscan.report.gates.GATE_FORMATS has these beside them
SCOPES = ("auto", "checkpoint", "declared", "base")  # memscan.scanning.SCOPES, likewise; tests hold the pairs together
BACKENDS = ("auto", "header", "config", "meta")  # memscan.scanning.BACKENDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the words of the command line mean, before anything heavy is imported."""

    targets: tuple[str, ...]
    scan: Mapping[str, Any]
    """The keyword arguments of `memscan.scanning.ScanOptions`."""
    output_format: str
    output: str | None


def dtypes_callback(_ctx: click.Context, _param: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...] | None:
    """The names of all `--dtypes` given, or None without any."""
    return tuple(name for word in words for name in parse_dtypes(word)) or None


def changes_callback(_ctx: click.Context, _param: click.Parameter, words: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The fields of all `--set` given, each with its value as JSON."""
    if not words:
        return ()
    from memscan.architecture.changes import parse_change

    return tuple(parse_change(word) for word in words)


def complete_dtypes(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The names that start so, for the shell."""
    return [name for name in DTYPES if name.startswith(incomplete)]


def target_options(command: F) -> F:
    """TARGETs, and the options that say how to read them and where the answer goes."""
    return target_options_with()(command)


def target_options_with(*formats: str, required: bool = True) -> Callable[[F], F]:
    """The same, with more output formats; a command may do without a target."""

    def decorate(command: F) -> F:
        argument = click.argument("targets", metavar="TARGET..." if required else "[TARGET]...", nargs=-1, required=required)
        return _all(command, (argument, *READING, *_output(formats), *BUILDING))

    return decorate


def output_options() -> Callable[[F], F]:
    """Where the answer goes, for a command without targets."""
    return lambda command: _all(command, _output(()))


def snapshot_options(command: F) -> F:
    """One TARGET, how to read it, and the file to write."""
    argument = click.argument("target", metavar="TARGET")
    output = click.option("-o", "--output", metavar="FILE.memscan", required=True, help="Write the snapshot to this file.")
    return _all(command, (argument, output, *WHERE, *CHOOSING, *KEEPING, DEBUG))


def _all(command: F, options: Sequence[Callable[[F], F]]) -> F:
    for option in reversed(options):
        command = option(command)
    return command


WHERE = (
    click.option("--revision", metavar="REV", help="Branch, tag, commit or refs/pr/N of the repository."),
    click.option(
        "--token",
        metavar="TOKEN",
        help="Token for private and gated models; '-' reads it from standard input. Better: set HF_TOKEN.",
    ),
)
CHOOSING = (
    click.option("--file", metavar="PATH", help="The weight file or index inside TARGET to read."),
    click.option("--subfolder", metavar="PATH", help="The folder inside TARGET to read."),
    click.option("--variant", metavar="NAME", help="The variant to read: fp16 for model.fp16.safetensors."),
    click.option("--mmproj", is_flag=True, help="Add the projector (mmproj-*) of a GGUF model."),
)
KEEPING = (
    click.option("--no-cache", is_flag=True, help="Neither read nor keep the headers of earlier runs."),
    click.option("--offline", is_flag=True, help="Ask no server: read what earlier runs kept, a branch as it was seen last."),
)
READING = (
    *WHERE,
    click.option(
        "--library-name", "library", metavar="NAME", help="The library that loads it: transformers, timm, diffusers, ..."
    ),
    *CHOOSING,
    click.option(
        "--scope", type=click.Choice(SCOPES), default="auto", show_default=True, help="Which tensors the numbers are about."
    ),
    *KEEPING,
)
DEBUG = click.option("--debug", is_flag=True, help="Show where an error was raised.")
BUILDING = (
    click.option(
        "--backend",
        type=click.Choice(BACKENDS),
        default="auto",
        show_default=True,
        help="Read headers, derive the tensors from config.json, or build them on torch's meta device; auto: what can.",
    ),
    click.option(
        "--set",
        "changes",
        metavar="FIELD=VALUE",
        multiple=True,
        callback=changes_callback,
        help="Change a field of config.json first, and derive the model: num_hidden_layers=48, text_config.hidden_size=6144.",
    ),
    click.option(
        "--trust-remote-code",
        is_flag=True,
        help="Let the meta device run the repository's own code; reading headers never runs any.",
    ),
    DEBUG,
)


def _output(formats: tuple[str, ...]) -> tuple[Callable[[F], F], ...]:
    return (
        click.option(
            "--format",
            "output_format",
            type=click.Choice((*OUTPUT_FORMATS, *formats)),
            default="table",
            show_default=True,
            help="Output format.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Short for --format json."),
        click.option("-o", "--output", metavar="FILE", help="Write to FILE instead of standard output."),
    )


MAX_TOKEN = 4_096  # characters read from standard input
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx")
SCAN_OPTIONS = (
    "revision",
    "library",
    "scope",
    "file",
    "subfolder",
    "variant",
    "mmproj",
    "dtypes",
    "backend",
    "changes",
    "trust_remote_code",
    "offline",
)


def token_from(given: object) -> object:
    """The token that `--token` means: `-` reads it from standard input."""
    if given != "-":
        return given
    token = "" if sys.stdin is None else sys.stdin.readline(MAX_TOKEN).strip()
    if not token:
        raise click.UsageError("--token - found no token on standard input")
    return token


def check_output(name: str) -> None:
    """UsageError where `name` is none for an answer: an answer must not take the place of weights."""
    if not name or name.endswith(WEIGHTS):
        raise click.UsageError(f"--output {name!a} is not a name for an answer; give the name of a text file")


def options_from(given: Mapping[str, object]) -> Options:
    """The options among click's parameters `given`; reads the token from standard input if asked to."""
    token = token_from(given["token"])
    targets, output = given["targets"], given["output"]
    if output is not None:
        check_output(str(output))
    return Options(
        targets=targets if isinstance(targets, tuple) else (),
        scan={"token": token, "cache": not given["no_cache"], **{name: given[name] for name in SCAN_OPTIONS if name in given}},
        output_format="json" if given["as_json"] else str(given["output_format"]),
        output=None if output in (None, "-") else str(output),
    )
