"""What `memscan batch` does: the job from its options, the bar while it runs, and a line with what came out."""

import asyncio
import gc
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from memscan.batch import Job, Outcome, Place, check_format, format_of, run_here, words_in, words_of
from memscan.cli.batch import SEARCH, scan_words
from memscan.cli.batch_bar import BatchBar
from memscan.cli.exit import Exit, code_of
from memscan.cli.messages import complain
from memscan.cli.options import check_output
from memscan.errors import UsageError
from memscan.printable import one_line
from memscan.scanning import ScanOptions
from memscan.source.rate_buckets import RateLimits
from memscan.source.search import Query


def run_batch(given: Mapping[str, Any]) -> int:
    """`memscan batch`: 0 where every row is well, else the worst exit code of the rows."""
    gc.set_threshold(100_000, 50, 50)  # many small models, one after the other: what they leave behind must not pile up
    job, place = _job(given), _place(given)
    check_format(place.format)
    words = _words(given["file"], token_is_read=given["token"] == "-")  # noqa: S105 -- the word for standard input
    bar = BatchBar()
    try:
        outcome = asyncio.run(_run(job, place, words, given["scheduler"], bar))
    except KeyboardInterrupt:
        bar.close()
        complain(f"interrupted; what is finished is in {place.journal}, --resume goes on with it")
        return Exit.INTERRUPTED
    finally:
        bar.close()
    complain(one_line(_summary(outcome, place)))
    return max(outcome.failures, default=Exit.OK)


async def _run(job: Job, place: Place, words: Iterator[str], scheduler: str | None, bar: BatchBar) -> Outcome:
    if scheduler is None:
        limits = RateLimits()
        bar.show_waiting(limits)
        return await run_here(job, place, words, limits, bar)
    if find_spec("distributed") is None:
        raise UsageError("--scheduler needs Dask, which is not installed: pip install 'memscan[dask]'; or do without")
    from memscan.batch.cluster import run_on_cluster

    return await run_on_cluster(job, place, words, scheduler, bar)


def _job(given: Mapping[str, Any]) -> Job:
    searched = {name: given[name] for name in SEARCH if given[name] is not None}
    if given["file"] is None and not searched:
        raise UsageError("nothing to read: give a file with a target a line, - for standard input, or a search (--author ...)")
    if given["file"] is not None and searched:
        raise UsageError(f"{given['file']} names the targets, and --{next(iter(searched))} is a search; give one of them")
    if given["retry_failed"] and not given["resume"]:
        raise UsageError("--retry-failed is of a job that went before; give --resume with it")
    job = Job(
        scan=ScanOptions(**scan_words(given)),
        query=Query(**searched) if searched else None,
        concurrency=given["concurrency"],
        exit_code=code_of,
    )
    job.check()
    return job


def _place(given: Mapping[str, Any]) -> Place:
    check_output(given["output"])
    if given["output"] == "-":
        raise UsageError("--output - is no file: a batch writes one, which it replaces when all is read")
    output = Path(given["output"])
    if given["file"] not in (None, "-") and output.exists() and output.samefile(given["file"]):
        raise UsageError(f"{output} holds the targets: --output would replace it; give another name")
    name = format_of(output, given["output_format"])
    return Place(output=output, format=name, resume=given["resume"], retry_failed=given["retry_failed"])


def _words(file: str | None, *, token_is_read: bool) -> Iterator[str]:
    if file != "-":
        return iter(()) if file is None else words_of(Path(file))
    if token_is_read:
        raise UsageError("both the token and the targets are to come from standard input; give the token as HF_TOKEN")
    if sys.stdin is None:
        raise UsageError("standard input is closed, and the targets are to come from it")
    return iter(list(words_in(sys.stdin, "standard input")))


def _summary(outcome: Outcome, place: Place) -> str:
    failed = sum(outcome.failures.values())
    kinds = ", ".join(f"{count:,} with exit code {int(code)}" for code, count in sorted(outcome.failures.items()))
    line = f"{place.output}: {outcome.rows:,} rows, {failed:,} of them failed" + (f" ({kinds})" if kinds else "")
    if outcome.repeated:
        line += f"; {outcome.repeated:,} repeated targets have one row each"
    if outcome.journal is not None:
        line += "; --resume --retry-failed reads again what the network failed for"
    return line
