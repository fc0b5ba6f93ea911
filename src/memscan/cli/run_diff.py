"""`memscan diff`: two sides read at once, compared, shown, and held to a limit on growth."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memscan.budget import Finding, Gate
from memscan.budget.grown import GROWTH, grown
from memscan.budget.growth import allowed
from memscan.budget.verdicts import blank, not_read
from memscan.cli.exit import Exit, code_of
from memscan.cli.github import tell_github
from memscan.cli.messages import complain
from memscan.cli.options import GATE_FORMATS, Options
from memscan.cli.progress import Bar
from memscan.cli.run import emit
from memscan.compare import Diff, Saved, Scanned, Side, Subject, compare, in_one_scope, two_words, wanted_scope
from memscan.errors import MemscanError, UsageError
from memscan.model import Model
from memscan.printable import one_line, shown_word
from memscan.report.diffs import Shown, render_diff
from memscan.report.gates import render_gate
from memscan.scanning import AUTO, ScanOptions
from memscan.scanning.many import read_all

MAX_SAVED = 100_000_000  # bytes of a saved report; that of a model of 100,000 tensors has some megabytes at most
GITHUB = "github"
GAPS = frozenset({"component-without-weights", "base-not-read", "slices"})
"""Codes of notes by which the tensors that are compared are not known to be all."""
Word = tuple[str, str | None]


def run_diff(options: Options, given: Mapping[str, Any]) -> int:
    """`given` are the options of this command beside those that all share."""
    growth: str | None = given["fail_on_growth"]
    if growth is not None:
        allowed(growth, 0)
    elif options.output_format in GATE_FORMATS:
        raise UsageError(f"--format {options.output_format} shows limits, and none is given; add --fail-on-growth 5%")
    words = two_words(options.targets, options.scan["revision"])
    saved = [_saved(word, revision) for word, revision in words]
    scope = options.scan["scope"]
    wanted = wanted_scope([one for one in saved if one is not None], None if scope == AUTO else scope)
    before, after = _subjects(words, options, saved)
    if isinstance(before, MemscanError) or isinstance(after, MemscanError):
        return _failed(words, (before, after), options, growth)
    diff = compare(*in_one_scope(before, after, wanted))
    finding = None if growth is None else _finding(diff, growth)
    _put_out(options, Shown(diff=diff, finding=finding, top=given["top"], every=given["every"]))
    if finding is None or not finding.fails:
        return Exit.OK
    if options.output_format != "table" or options.output is not None:
        complain(one_line(finding.message))
    return Exit.VERDICT


def _put_out(options: Options, shown: Shown) -> None:
    if options.output_format not in GATE_FORMATS or shown.finding is None:
        emit(render_diff(shown, options.output_format), options.output)
        return
    gate = Gate(findings=(shown.finding,))
    emit(render_gate(gate, options.output_format), options.output)
    if options.output_format == GITHUB:
        tell_github(gate, render_diff(shown, "markdown"))


def _failed(words: Sequence[Word], sides: Sequence[Subject | MemscanError], options: Options, growth: str | None) -> int:
    """Say which side could not be read, and why; formats of CI systems have a place for that."""
    errors = [(shown_word(word), side) for (word, _), side in zip(words, sides, strict=True) if isinstance(side, MemscanError)]
    if growth is not None and options.output_format in GATE_FORMATS:
        blanks = [(blank(GROWTH, word, commit=None, dtype=None, place=None), error) for word, error in errors]
        gate = Gate(findings=tuple(not_read(start, error) for start, error in blanks))
        emit(render_gate(gate, options.output_format), options.output)
        if options.output_format == GITHUB:
            tell_github(gate)
    for word, error in errors:
        message = str(error)
        complain(one_line(message if word in message else f"{word}: {message}"))
    return max(code_of(error) for _, error in errors)


def _subjects(words: Sequence[Word], options: Options, saved: Sequence[Saved | None]) -> list[Subject | MemscanError]:
    """What was saved, and a scan of each other side, or the error that stands in its place; all are read at once."""
    asked = [
        (word, ScanOptions(**{**options.scan, "revision": revision}))
        for (word, revision), report in zip(words, saved, strict=True)
        if report is None
    ]
    bar = Bar()
    try:
        models = iter(asyncio.run(read_all(asked, bar)))
    finally:
        bar.close()
    return [_scanned(next(models)) if report is None else report for report in saved]


def _scanned(model: Model | MemscanError) -> Scanned | MemscanError:
    if isinstance(model, MemscanError):
        return model
    try:
        return Scanned.of(model)
    except MemscanError as error:  # a config may be wrong where only the scopes ask for it
        return error


def _saved(word: str, revision: str | None) -> Saved | None:
    """The saved report that `word` names, or None where it names a target."""
    path = Path(word)
    if not word.endswith(".json") or not path.is_file():
        return None
    try:
        if path.stat().st_size > MAX_SAVED:
            raise UsageError(f"{word} is larger than {MAX_SAVED:,} bytes: no saved report")
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {word}: {error.strerror or error}") from error
    found = Saved.parse(raw, word)
    if found is not None and revision is not None:
        raise UsageError(f"{word} is a saved report, which has no revision {revision!a}")
    return found


def _finding(diff: Diff, growth: str) -> Finding:
    before, after = diff.before, diff.after
    own = [(node.name, node.growth - sum(child.growth for child in node.children.values())) for _, node in diff.modules.walk()]
    return grown(
        after.origin.requested, commit=after.origin.commit, before=before.nbytes, after=after.nbytes, growth=growth,
        than=before.name, is_measured=before.is_measured and after.is_measured, gaps=(_gaps(before), _gaps(after)),
        modules=[(name, nbytes) for name, nbytes in own if nbytes],
    )  # fmt: skip


def _gaps(side: Side) -> list[str]:
    return [note.message for note in side.notes if note.code in GAPS]
