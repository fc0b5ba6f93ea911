"""`memscan check`: limits from the command line or from a file, all targets at once, one gate out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from memscan.budget import Gate, Outcome
from memscan.budget.asked import Asked
from memscan.budget.asking import asked
from memscan.budget.checks import gate
from memscan.budget.file import LARGEST, budgets
from memscan.cli.exit import Exit, code_of
from memscan.cli.github import write_outputs, write_summary
from memscan.cli.messages import complain, one_line
from memscan.cli.options import Options
from memscan.cli.progress import Bar
from memscan.cli.run import emit
from memscan.cli.run_bills import own_devices
from memscan.devices import Devices
from memscan.errors import MemscanError, UsageError
from memscan.estimate import Report, estimate_weights
from memscan.model import Model
from memscan.report.gates import render_gate
from memscan.scanning import ScanOptions, read_all, run_alone

FILES = ("memscan.toml", "pyproject.toml")
SECTION = "[tool.memscan"


def run_check(options: Options, said: Mapping[str, Any]) -> int:
    """The words that were `said` with the targets, or the budgets of a file where there is no target."""
    devices = own_devices(said.get("devices-file"))
    questions = _questions(options, said, devices)
    found = gate(questions, *_read(questions, options))
    emit(render_gate(found, options.output_format), options.output)
    if options.output_format == "github":
        write_summary(found)
        write_outputs(found)
    return _explain(found, options.output_format)


def _questions(options: Options, said: Mapping[str, Any], devices: Devices) -> list[Asked]:
    words = {word: value for word, value in said.items() if word not in ("budget", "devices-file")}
    if options.targets:
        if "budget" in said:
            raise UsageError("--budget names a file with targets of its own; give it without a TARGET")
        return [asked({**words, "target": target}, devices) for target in options.targets]
    if words:
        raise UsageError(f"--{next(iter(words))} needs a TARGET; budgets in a file say it there")
    path = Path(said["budget"]) if "budget" in said else _file()
    return [_asked(entry, devices, place) for entry, place in budgets(_text(path), path.as_posix())]


def _asked(entry: Mapping[str, object], devices: Devices, place: Any) -> Asked:
    if "target" not in entry:
        raise UsageError(f"{place.path}:{place.line}: a budget has no target")
    try:
        return asked(entry, devices, place)
    except UsageError as error:
        raise UsageError(f"{place.path}:{place.line}: {error}") from error


def _file() -> Path:
    """The file of budgets in this folder."""
    for name in FILES:
        path = Path(name)
        if path.is_file() and (name != "pyproject.toml" or SECTION in _text(path)):
            return path
    raise UsageError(
        "no TARGET, and no budgets here: write [[budget]] in memscan.toml, or [[tool.memscan.budget]] in pyproject.toml"
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path} is larger than {LARGEST:,} bytes: no file of budgets")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _read(questions: Sequence[Asked], options: Options) -> tuple[Any, Any]:
    """Two functions that give the report on a question's target, and on its baseline."""
    base = ScanOptions(**{**options.scan, "dtypes": None})
    plain = ScanOptions(token=base.token, cache=base.cache, offline=base.offline)
    wanted = {(one.target, replace(base, **one.scan)) for one in questions}
    wanted |= {(one.baseline, plain) for one in questions if one.baseline is not None}
    order = sorted(wanted, key=lambda pair: pair[0])
    bar = Bar()
    try:
        models = dict(zip(order, run_alone(read_all(order, bar)), strict=True))
    finally:
        bar.close()
    return (
        lambda one: _report(models[one.target, replace(base, **one.scan)], one, replace(base, **one.scan).scope),
        lambda one: _report(models[one.baseline, plain], one, replace(base, **one.scan).scope),
    )


def _report(model: Model | MemscanError, question: Asked, scope: str) -> Report | MemscanError:
    if isinstance(model, MemscanError):
        return model
    dtypes = None if question.dtype is None or question.work is not None else [question.dtype]
    try:
        return estimate_weights(model, dtypes=dtypes, scope=scope, every_scope=False)
    except MemscanError as error:
        return error


def _explain(found: Gate, output: str) -> int:
    """Say on standard error what failed, where the answer is for a program, and give the worst exit code."""
    codes = [Exit.VERDICT if found.closed else Exit.OK]
    for finding in found.findings:
        if finding.outcome is Outcome.NOT_READ and finding.error is not None:
            codes.append(code_of(finding.error))
        if finding.fails and (output != "table" or finding.outcome is Outcome.NOT_READ):
            complain(one_line(finding.message))
    return max(codes)
