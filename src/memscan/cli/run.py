"""What the commands do: scan the targets, put the answer out, say what failed, and return the worst exit code."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from memscan.cli.exit import Exit, code_of
from memscan.cli.messages import abandon_stdout, complain, one_line
from memscan.cli.options import Options
from memscan.cli.progress import Bar
from memscan.errors import MemscanError, UsageError
from memscan.estimate import Report
from memscan.report import Failure, renderer
from memscan.scanning import scan_all

Results = Sequence[Report | Failure]


def run_estimate(options: Options, commands: Sequence[str]) -> int:
    """`memscan estimate`; `commands` are words that a target is probably not."""
    first = options.targets[0]
    if first in commands:
        raise UsageError(f"{first} is a command: write it first (memscan {first} ...), or ./{first} for a folder of that name")
    return _finish(_scan(options), renderer(options.output_format), options.output)


def run_layers(options: Options, *, depth: int) -> int:
    """`memscan layers`."""
    from memscan.report.layers import render_layers

    def render(results: Results) -> str:
        return render_layers(results, depth=depth, output=options.output_format)

    return _finish(_scan(options), render, options.output)


def _scan(options: Options) -> Results:
    bar = Bar()
    try:
        outcomes = asyncio.run(
            scan_all(
                options.targets, revision=options.revision, token=options.token, library=options.library,
                dtypes=options.dtypes, scope=options.scope, progress=bar,
            )
        )  # fmt: skip
    finally:
        bar.close()
    return [
        Failure(requested=shown_word(word), code=code_of(outcome), error=outcome)
        if isinstance(outcome, MemscanError)
        else outcome
        for word, outcome in zip(options.targets, outcomes, strict=True)
    ]


def shown_word(word: str) -> str:
    """The target's word as results show it: of a URL, not the parts that may be secret."""
    from memscan.source import shown_url

    return shown_url(word) if "://" in word else word


def _emit(text: str, output: str | None) -> None:
    if not text:
        return
    try:
        if output is None:
            print(text, flush=True)
        else:
            Path(output).write_text(text + "\n", encoding="utf-8")
    except BrokenPipeError:
        raise
    except OSError as error:
        if output is None:
            abandon_stdout()
        raise UsageError(f"cannot write {output or 'standard output'}: {error.strerror or error}") from error


def _finish(results: Results, render: Callable[[Results], str], output: str | None) -> int:
    """Put the answer out, say what failed, and return the worst exit code."""
    # Of one target that failed there is nothing to show; of several, the formats that have a place for errors show them.
    if len(results) > 1 or isinstance(results[0], Report):
        _emit(render(results), output)
    failures = [result for result in results if isinstance(result, Failure)]
    for failure in failures:
        message = str(failure.error)
        named = "" if len(results) == 1 or message.startswith(failure.requested) else f"{failure.requested}: "
        complain(one_line(named + message))
    return max((failure.code for failure in failures), default=Exit.OK)
