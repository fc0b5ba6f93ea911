"""One process, measured from its start to its end."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCH = (sys.executable, "-S", str(Path(__file__).with_name("launch.py")))


class FailedError(Exception):
    """A measured command failed: its time means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a process took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of all its threads, in and out of the kernel."""
    peak_bytes: int
    """The largest resident memory."""


def spent(command: Sequence[str], environment: Mapping[str, str]) -> Spent:
    """Run `command` and say what it took; FailedError where it ends with another code than 0."""
    done = subprocess.run([*LAUNCH, *command], env=dict(environment), capture_output=True, text=True, check=True)
    took = json.loads(done.stdout)
    if took.pop("code") != 0:
        raise FailedError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    return Spent(**took)
