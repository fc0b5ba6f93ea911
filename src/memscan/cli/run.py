"""What the commands do: scan the targets, put the answer out, say what failed, and return the worst exit code."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TypeVar

from memscan.architecture import read_ahead
from memscan.cli.early import Early
from memscan.cli.exit import Exit, code_of
from memscan.cli.messages import abandon_stdout, complain
from memscan.cli.options import Options
from memscan.cli.progress import Bar
from memscan.errors import MemscanError, UsageError
from memscan.estimate import Report
from memscan.printable import one_line, shown_word
from memscan.report import Failure, render_files, render_layers, renderer
from memscan.scanning import ScanOptions, scan_all, survey_all
from memscan.source import Sources, write_whole

T = TypeVar("T")


def run_estimate(options: Options, early: Early | None, commands: Sequence[str]) -> int:
    """`memscan estimate`; `commands` are words that a target is probably not."""
    first = options.targets[0]
    if first in commands:
        raise UsageError(f"{first} is a command: write it first (memscan {first} ...), or ./{first} for a folder of that name")
    render = renderer(options.output_format)  # imported while the answers are on their way, as the tables are read
    if early is not None:
        read_ahead()
    return finish(options, scan(options, early), render)


def run_layers(options: Options, early: Early | None, *, depth: int) -> int:
    """`memscan layers`."""
    results = scan(options, early)
    return finish(options, results, lambda results: render_layers(results, depth=depth, output=options.output_format))


def run_files(options: Options, early: Early | None) -> int:
    """`memscan files`."""
    outcomes = run_work(early, lambda sources: survey_all(options.targets, ScanOptions(**options.scan), sources))
    results = _with_failures(options.targets, outcomes)
    return finish(options, results, lambda results: render_files(results, options.output_format))


def run_work(early: Early | None, work: Callable[[Sources | None], Coroutine[object, object, T]]) -> T:
    """What `work` makes of the sources that were begun, or of its own where nothing was."""
    return asyncio.run(work(None)) if early is None else early.run(work)


def scan(options: Options, early: Early | None) -> list[Report | Failure]:
    """A report, or its failure, for each target."""
    bar, asked = Bar(), ScanOptions(**options.scan)
    try:
        outcomes = run_work(early, lambda sources: scan_all(options.targets, asked, bar, sources))
    finally:
        bar.close()
    return _with_failures(options.targets, outcomes)


def _with_failures(words: Sequence[str], outcomes: Sequence[T | MemscanError]) -> list[T | Failure]:
    return [
        Failure(requested=shown_word(word), code=code_of(outcome), error=outcome)
        if isinstance(outcome, MemscanError)
        else outcome
        for word, outcome in zip(words, outcomes, strict=True)
    ]


def finish(options: Options, results: Sequence[T | Failure], render: Callable[[Sequence[T | Failure]], str]) -> int:
    """Put the answer out, say what failed, and return the worst exit code."""
    # Of one target that failed there is nothing to show; of several, the formats that have a place for errors show them.
    if len(results) > 1 or not isinstance(results[0], Failure):
        emit(render(results), options.output)
    failures = [result for result in results if isinstance(result, Failure)]
    for failure in failures:
        message = str(failure.error)
        named = "" if len(results) == 1 or message.startswith(failure.requested) else f"{failure.requested}: "
        complain(one_line(named + message))
    return max((failure.code for failure in failures), default=Exit.OK)


def emit(text: str, output: str | None) -> None:
    """Put `text` out: to the file `output`, or to standard output."""
    if not text:
        return
    if output is None and sys.stdout is None:
        raise UsageError("cannot write standard output: it is closed")
    try:
        if output is None:
            print(text, flush=True)
        else:
            write_whole(Path(output), f"{text}\n".encode())
    except BrokenPipeError:
        # The reader has had enough (`memscan ... | head`): that is no failure, and there is nobody left to tell.
        abandon_stdout()
    except OSError as error:
        if output is None:
            abandon_stdout()
        raise UsageError(f"cannot write {output or 'standard output'}: {error.strerror or error}") from error
