"""memscan on a target and on a snapshot of it, which have to say the same."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from memscan.cli.main import run
from tests.hub import LoopbackHub

FORMATS = ("table", "json", "markdown", "csv")
Words = Sequence[object]


@dataclass(frozen=True, slots=True)
class Said:
    """What a run ended with."""

    code: int
    out: str
    err: str


Memscan = Callable[..., Said]


def runner(capsys: pytest.CaptureFixture[str]) -> Memscan:
    """Runs memscan in this process, without its header cache."""

    def memscan(command: object, *words: object) -> Said:
        code = run([str(command), *(str(word) for word in words), "--no-cache"])
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return memscan


def every_command(formats: Sequence[str] = FORMATS) -> Iterator[Words]:
    """Each command that shows a model, with each format; the target goes behind the first word."""
    for output in formats:
        for command in (("estimate",), ("layers", "--depth", "20"), ("files",), ("inference", "--explain"), ("training",)):
            yield (*command, "--format", output)


def fit(formats: Sequence[str] = FORMATS) -> Iterator[Words]:
    """What fits, kept to what takes seconds."""
    for output in formats:
        yield ("fit", "--device", "24GiB", "--dtype", "int4", "--context", "512", "--format", output)


def says_the_same(
    memscan: Memscan, hub: LoopbackHub, target: object, path: Path, runs: Sequence[Words], *options: object
) -> None:
    """Run the words on `target`; then, when there is no Hub any more, on a snapshot of it, taken with `options`."""
    expected = [memscan(first, target, *rest, *options) for first, *rest in runs]
    assert memscan("snapshot", target, "-o", path, *options).code == 0
    hub.reset()  # whatever is asked now is not found
    for (first, *rest), said in zip(runs, expected, strict=True):
        assert memscan(first, path, *rest, *options) == said, (first, *rest)
    assert hub.requests == ()
