"""The files by which a step of GitHub Actions tells more than its log: its summary, and outputs for later steps.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#environment-files ; where a variable is
absent, nothing is written.
"""

import os
from pathlib import Path
from secrets import token_hex

from memscan.budget import Gate
from memscan.cli.messages import complain
from memscan.errors import UsageError
from memscan.printable import one_line
from memscan.report.gates import step_outputs, step_summary

SUMMARY, OUTPUT = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"
LARGEST = 1_048_576  # bytes of a summary: GitHub shows nothing at all of one that is larger


def tell_github(gate: Gate, summary: str | None = None) -> None:
    """Write both; that one cannot be written is said, and changes no verdict."""
    try:
        write_summary(gate, summary)
        write_outputs(gate)
    except UsageError as error:
        complain(one_line(str(error)))


def write_summary(gate: Gate, summary: str | None = None) -> None:
    """Append the gate's own markdown, or `summary`, to the summary of the step; UsageError where the file cannot be written."""
    path = _path(SUMMARY)
    if path is None:
        return
    text = step_summary(gate) if summary is None else summary
    if _size(path) + len(text.encode("utf-8")) + 2 > LARGEST:
        text = "memscan: no room is left in this summary; the limits are in the log."
    _append(path, f"{text}\n", SUMMARY)


def write_outputs(gate: Gate) -> None:
    """Append the gate's outputs; each between two lines that no value can hold. UsageError where the file cannot be written."""
    path = _path(OUTPUT)
    if path is not None:
        _append(path, "".join(_output(name, value) for name, value in step_outputs(gate).items()), OUTPUT)


def _output(name: str, value: str) -> str:
    # A word that a stranger can foresee could end the value early, and what follows would be outputs of his.
    mark = f"memscan_{token_hex(16)}"
    return f"{name}<<{mark}\n{value}\n{mark}\n"


def _path(variable: str) -> Path | None:
    name = os.environ.get(variable)
    return Path(name) if name else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # not there yet; what else may be wrong with it is said when it is opened
        return 0


def _append(path: Path, text: str, variable: str) -> None:
    try:
        with path.open("a+b") as file:
            if file.tell() > 0:
                file.seek(-1, os.SEEK_END)
                # Another program may have left its last line open.
                text = text if file.read() == b"\n" else f"\n{text}"
            file.write(text.encode("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot write the file that {variable} names: {error.strerror or error}") from error
