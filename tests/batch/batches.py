"""Batches as tests run them: in a process of their own, and the rows that come out."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.hub import LoopbackHub, Record, Repository
from tests.hub.limits import kind_of
from tests.layouts.files import CONFIG
from tests.runner import Run, run_memscan
from tests.source.models import weights


def batch(hub: LoopbackHub, output: Path, *args: str, stdin: str = "", code: int = 0) -> Run:
    """Run `memscan batch ARGS -o OUTPUT`, which is to exit with `code`."""
    run = run_memscan(hub, "batch", *args, "-o", str(output), stdin=stdin)
    assert run.code == code, run.stderr
    assert "Traceback" not in run.stderr
    return run


def rows(path: Path) -> list[dict[str, object]]:
    """The rows of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def small(count: int, *, author: str = "many") -> list[Repository]:
    """So many small repositories, each of a size of its own."""
    return [
        Repository(
            repo_id=f"{author}/{number:05}",
            files={"model.safetensors": weights("a.weight", elements=number + 1), "config.json": CONFIG},
        )
        for number in range(count)
    ]


def kinds(records: Iterable[Record]) -> Counter[str]:
    """Requests to the Hub's own origin, by the kind that its rate limits count them as."""
    return Counter(kind_of(record.path) for record in records if record.origin == "hub")
