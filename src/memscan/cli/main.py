"""The command line: words in, one answer out on standard output, problems as one line each on standard error."""

import errno
import gc
import sys
from collections.abc import Sequence

import click

from memscan.cli.dtypes import DTYPES
from memscan.cli.exit import Exit, code_of, leave
from memscan.cli.group import COMMANDS, DEFAULT, SETTINGS, DefaultGroup, TargetCommand
from memscan.cli.messages import abandon_stdout, complain
from memscan.cli.options import PICTURES, complete_dtypes, dtypes_callback, options_from, target_options_with
from memscan.errors import MemscanError
from memscan.printable import one_line
from memscan.version import __version__

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
@target_options_with(*PICTURES)
def estimate(**given: object) -> int:
    """Memory to load and train, by dtype (the default)."""
    from memscan.cli.early import begun

    options = options_from(given)
    with begun(options) as early:
        from memscan.cli.run import run_estimate

        return run_estimate(options, early, commands=COMMANDS)


def main() -> None:
    """The console script."""
    # A scan makes hundreds of thousands of tensors and hardly a cycle; looking for cycles took a third of its time.
    gc.set_threshold(2_000_000, 50, 50)
    gc.enable()
    # A name from a stranger may hold characters that the terminal's encoding (cp1252, ASCII) has not.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    leave(run(sys.argv[1:]))


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
    # Python says of an interrupt while a class is made that making it failed.
    if isinstance(error, KeyboardInterrupt | click.Abort) or isinstance(error.__cause__, KeyboardInterrupt):
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
