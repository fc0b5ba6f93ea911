"""Where the CPU of a plain scan goes, by phase, as the mean of several runs under the sampler."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.process import spent
from benchmarks.programs import MEMSCAN
from benchmarks.sampler import PHASES

SAMPLER = (sys.executable, str(Path(__file__).with_name("sampler.py")))


def phases(target: str, surroundings: Mapping[str, str], folder: Path, repeat: int) -> dict[str, float]:
    """Seconds of CPU in each phase of a scan of `target`, cold."""
    total = dict.fromkeys(PHASES, 0.0)
    output = folder / "phases.json"
    for _ in range(repeat):
        took = spent((*SAMPLER, str(output), *MEMSCAN, target, "--no-cache"), surroundings)
        seconds: dict[str, float] = json.loads(output.read_bytes())
        for name, value in seconds.items():
            total[name] += value
        total["exit"] += max(0.0, took.cpu - sum(seconds.values()))
    return {name: value / repeat for name, value in total.items()}
