"""`memscan check`: limits from the command line or from a file, all targets at once, one gate out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memscan.budget import Gate, Outcome
from memscan.budget.asked import Asked
from memscan.budget.asking import asked
from memscan.budget.file import LARGEST, budgets
from memscan.budget.verdicts import FAIL
from memscan.checking import check_all, own_devices
from memscan.cli.early import Early
from memscan.cli.exit import Exit, code_of
from memscan.cli.github import tell_github
from memscan.cli.messages import complain
from memscan.cli.options import Options
from memscan.cli.progress import Bar
from memscan.cli.run import emit, run_work
from memscan.devices import Devices
from memscan.errors import FormatError, UsageError
from memscan.printable import one_line
from memscan.report.gates import render_gate
from memscan.scanning import ScanOptions

FILES = ("memscan.toml", "pyproject.toml")
SECTION = "[tool.memscan"
AGAINST = "against-config"
LIMITING = frozenset({"max-memory", "device", "baseline", "max-growth"})


def run_check(options: Options, early: Early | None, said: Mapping[str, Any]) -> int:
    """The words that were `said` with the targets, or the budgets of a file where there is no target."""
    devices = own_devices(said.get("devices-file"))
    configs = _configs(options, said)
    questions = _questions(options, {word: value for word, value in said.items() if word != AGAINST}, devices, configs)
    found = _checked(questions, options, early, configs, str(said.get("unknown", FAIL)))
    emit(render_gate(found, options.output_format), options.output)
    if options.output_format == "github":
        tell_github(found)
    return _explain(found, options.output_format)


def _configs(options: Options, said: Mapping[str, Any]) -> tuple[str, ...]:
    """The targets that are held against their configs."""
    if AGAINST not in said:
        return ()
    if not options.targets:
        raise UsageError(f"--{AGAINST} needs a TARGET")
    return options.targets


def _questions(options: Options, said: Mapping[str, Any], devices: Devices, configs: Sequence[str]) -> list[Asked]:
    words = {word: value for word, value in said.items() if word not in ("budget", "devices-file")}
    if options.targets:
        if "budget" in said:
            raise UsageError("--budget names a file with targets of its own; give it without a TARGET")
        if configs and LIMITING.isdisjoint(words):
            if rest := words.keys() - {"unknown"}:
                raise UsageError(
                    f"--{min(rest)} is of a limit, and beside --{AGAINST} none is given; add --max-memory or leave it out"
                )
            return []
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
        if (path.exists() or path.is_symlink()) and (name != "pyproject.toml" or SECTION in _text(path)):
            return path
    raise UsageError(
        "no TARGET, and no budgets here: write [[budget]] in memscan.toml, or [[tool.memscan.budget]] in pyproject.toml"
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path} is larger than {LARGEST:,} bytes: no file of budgets")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not UTF-8 at byte {error.start:,}") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error


def _checked(questions: Sequence[Asked], options: Options, early: Early | None, configs: Sequence[str], unknown: str) -> Gate:
    bar, scan = Bar(), ScanOptions(**options.scan)
    try:
        return run_work(early, lambda sources: check_all(questions, scan, bar, sources, configs=configs, unknown=unknown))
    finally:
        bar.close()


def _explain(found: Gate, output: str) -> int:
    """Say on standard error what failed, where the answer is for a program, and give the worst exit code."""
    codes = [Exit.VERDICT if found.closed else Exit.OK]
    for finding in found.findings:
        if finding.outcome is Outcome.NOT_READ and finding.error is not None:
            codes.append(code_of(finding.error))
        if finding.fails and (output != "table" or finding.outcome is Outcome.NOT_READ):
            complain(one_line(finding.message))
    return max(codes)
