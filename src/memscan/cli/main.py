"""The command line: words in, one answer out on standard output, problems as one line each on standard error."""

import errno
import gc
import sys
from collections.abc import Sequence

import click

from memscan.cli.dtypes import DTYPES
from memscan.cli.exit import Exit, code_of
from memscan.cli.group import DEFAULT, DefaultGroup, TargetCommand, dashed
from memscan.cli.messages import abandon_stdout, complain, one_line
from memscan.cli.options import (
    GATE_FORMATS,
    complete_dtypes,
    dtypes_callback,
    options_from,
    output_options,
    snapshot_options,
    target_options,
    target_options_with,
)
from memscan.cli.workload import (
    DEVICES_FILE,
    EXPLAIN,
    check_options,
    said,
    training_options,
    training_words,
    workload_options,
    workload_words,
)
from memscan.errors import MemscanError
from memscan.version import __version__

SETTINGS = {"help_option_names": ["-h", "--help"], "token_normalize_func": dashed, "max_content_width": 110}

EPILOG = """Exit codes: 0 fine, 1 a budget is exceeded, 2 usage, 3 the target cannot be read (not found, gated, private,
no weights), 4 network or server, 5 malformed file, 70 internal error, 130 interrupted."""


@click.group(cls=DefaultGroup, context_settings=SETTINGS, epilog=EPILOG)
@click.version_option(__version__, prog_name="memscan", message="%(prog)s %(version)s")
def cli() -> None:
    """How much memory a model needs, from the headers of its checkpoint: exact, and without downloading its weights.

    TARGET is a model on the Hugging Face Hub (bert-base-cased, org/name, org/name@revision, hf://org/name/file, its URL),
    the URL of one file of weights, or a folder or file here.
    """


@cli.command(DEFAULT, cls=TargetCommand, context_settings=SETTINGS)
@click.option(
    "--dtypes",
    metavar="DTYPE...",
    multiple=True,
    callback=dtypes_callback,
    shell_complete=complete_dtypes,
    help=f"Rows to show, several words or joined by commas: {', '.join(DTYPES)}."
    "  [default: float32 float16 int8 int4, and as stored]",
)
@target_options
def estimate(**given: object) -> int:
    """Memory to load and train, by dtype (the default)."""
    from memscan.cli.early import begun

    options = options_from(given)
    with begun(options) as early:
        from memscan.cli.run import run_estimate

        return run_estimate(options, early, commands=tuple(cli.commands))


@cli.command(cls=TargetCommand, context_settings=SETTINGS)
@click.option("--depth", type=click.IntRange(1, 64), default=3, show_default=True, help="Levels of the tree to show.")
@target_options
def layers(**given: object) -> int:
    """The module tree with parameters, bytes, share."""
    from memscan.cli.early import begun

    depth, options = given["depth"], options_from(given)
    with begun(options) as early:
        from memscan.cli.run import run_layers

        return run_layers(options, early, depth=depth if isinstance(depth, int) else 1)


@cli.command(cls=TargetCommand, context_settings=SETTINGS)
@target_options
def files(**given: object) -> int:
    """The weight files, which are chosen, and why."""
    from memscan.cli.run import run_files

    return run_files(options_from(given))


@cli.command(cls=TargetCommand, context_settings=SETTINGS)
@workload_options
@EXPLAIN
@target_options
def inference(**given: object) -> int:
    """Memory to answer: weights, KV cache, activations, line by line."""
    from memscan.cli.early import begun

    options = options_from(given)
    with begun(options) as early:
        from memscan.cli.run_bills import run_inference

        return run_inference(options, early, workload_words(given), given)


@cli.command(cls=TargetCommand, context_settings=SETTINGS)
@training_options
@EXPLAIN
@target_options
def training(**given: object) -> int:
    """Memory to train: gradients, optimizer, adapters, activations."""
    from memscan.cli.early import begun

    options = options_from(given)
    with begun(options) as early:
        from memscan.cli.run_bills import run_training

        return run_training(options, early, training_words(given), given)


@cli.command(cls=TargetCommand, context_settings=SETTINGS)
@workload_options
@click.option(
    "--max-memory", metavar="0=10GiB,cpu=30GiB", help="Memory of each device, for --format device-map: a map for from_pretrained."
)
@target_options_with("device-map")
def fit(**given: object) -> int:
    """What fits: dtypes, the largest context, the most sequences."""
    from memscan.cli.early import begun

    options = options_from(given)
    with begun(options) as early:
        from memscan.cli.run_bills import run_fit

        return run_fit(options, early, workload_words(given), given)


@cli.command(cls=TargetCommand, context_settings=SETTINGS)
@check_options
@target_options_with(*GATE_FORMATS, required=False)
@click.pass_context
def check(context: click.Context, /, **given: object) -> int:
    """Exit with 1 where a limit is exceeded; without a TARGET, every budget of memscan.toml or pyproject.toml."""
    from memscan.cli.run_check import run_check

    return run_check(options_from(given), said(context))


@cli.command(cls=TargetCommand, context_settings=SETTINGS)
@click.option("--fail-on-growth", metavar="5%|500MB|0", help="Exit with 1 where the second is larger than the first by more.")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Lines of changes; the rest are summed up.")
@click.option("--all", "every", is_flag=True, help="A line for each tensor that differs.")
@target_options_with(*GATE_FORMATS)
def diff(**given: object) -> int:
    """What differs between two TARGETs, or two revisions of one: org/name@v1..v2."""
    from memscan.cli.run_diff import run_diff

    return run_diff(options_from(given), given)


@cli.command(context_settings=SETTINGS)
@DEVICES_FILE
@output_options()
def devices(**given: object) -> int:
    """The devices that --device knows, with their memory."""
    from memscan.cli.run_bills import run_devices

    return run_devices(given)


@cli.command(cls=TargetCommand, context_settings=SETTINGS)
@snapshot_options
def snapshot(**given: object) -> int:
    """Write what is read of TARGET to one small file, a target itself."""
    from memscan.cli.run_snapshot import run_snapshot

    words = {"targets": (given["target"],), "output": None, "as_json": False, "output_format": "table"}
    return run_snapshot(options_from({**given, **words}), str(given["output"]))


@cli.group(context_settings=SETTINGS)
def cache() -> None:
    """What earlier runs kept: how much, and clearing it."""


@cache.command(context_settings=SETTINGS)
@click.option("--json", "as_json", is_flag=True, help="JSON.")
def info(as_json: bool) -> int:
    """Folder, entries, bytes and limit."""
    from memscan.cli.run_cache import run_cache_info

    return run_cache_info(as_json=as_json)


@cache.command(context_settings=SETTINGS)
@click.option("--repo", metavar="ORG/NAME", help="The entries of this repository alone.")
@click.option("--json", "as_json", is_flag=True, help="JSON.")
def clear(repo: str | None, as_json: bool) -> int:
    """Remove the entries, and say what that freed."""
    from memscan.cli.run_cache import run_cache_clear

    return run_cache_clear(repo=repo, as_json=as_json)


def main() -> None:
    """The console script."""
    # A scan makes hundreds of thousands of tensors and hardly a cycle; looking for cycles took a third of its time.
    gc.set_threshold(2_000_000, 50, 50)
    gc.enable()
    # A name from a stranger may hold characters that the terminal's encoding (cp1252, ASCII) has not.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:])
    gc.freeze()  # the process ends: a last look at every object for cycles would take a tenth of a short scan's time
    sys.exit(code)


def run(args: Sequence[str]) -> int:
    """Run memscan with `args`; every failure becomes one line on standard error and a documented exit code."""
    try:
        return int(cli.main(list(args), prog_name="memscan", standalone_mode=False) or Exit.OK)
    except SystemExit:
        return Exit.OK  # click's own way to leave when the reader of --help has had enough
    except (Exception, KeyboardInterrupt) as error:
        if "--debug" in args and not isinstance(error, click.ClickException | MemscanError):
            raise
        return _explain(error)


def _explain(error: BaseException) -> int:
    """Say in one line what went wrong, and give the exit code for it."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return Exit.USAGE
    if isinstance(error, click.ClickException):
        complain(one_line(error.format_message()))
        return Exit.USAGE
    if isinstance(error, KeyboardInterrupt | click.Abort):
        complain("interrupted")
        return Exit.INTERRUPTED
    if isinstance(error, MemscanError):
        complain(one_line(str(error)))
        return code_of(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO, errno.EBADF):
        abandon_stdout()
        complain(f"cannot write standard output: {error.strerror}")
        return Exit.USAGE
    complain(
        f"internal error, {one_line(f'{type(error).__name__}: {error}')}; run again with --debug to see where, and report it"
    )
    return Exit.INTERNAL
