"""All figures of a run, and their form on disk."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.http2.compare import Compared
from benchmarks.hub import Asked
from benchmarks.process import Spent
from benchmarks.row import Row, Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a run measured."""

    rows: Rows
    starts: dict[str, Spent]
    """What starting costs, by name of the command."""
    phases: dict[str, float]
    """Seconds of CPU of a plain scan, by phase."""
    compared: tuple[Compared, ...]
    """HTTP/1.1 beside HTTP/2; empty where that was left out."""
    repeat: int
    busy: float
    """Processes that wanted a core in the minute before the start: what else the machine was doing."""

    def save(self, path: Path) -> None:
        """Write the figures as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Results":
        """The figures that `save` wrote."""
        found = json.loads(path.read_bytes())
        return cls(
            rows=Rows(every=tuple(_row(row) for row in found["rows"]["every"])),
            starts={name: Spent(**took) for name, took in found["starts"].items()},
            phases=found["phases"],
            compared=tuple(
                Compared(**{**one, "one": Spent(**one["one"]), "two": Spent(**one["two"])}) for one in found["compared"]
            ),
            repeat=found["repeat"],
            busy=found["busy"],
        )


def _row(found: dict[str, object]) -> Row:
    spent, asked = found["spent"], found["asked"]
    if not isinstance(spent, dict) or not isinstance(asked, dict | None):
        raise TypeError("these are no figures of a run")
    return Row(**{**found, "spent": Spent(**spent), "asked": None if asked is None else Asked(**asked)})  # type: ignore[arg-type]
