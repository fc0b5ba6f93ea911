"""The benchmarks run; what they print is for people, and no time is held against anything here."""

import subprocess
import sys
from pathlib import Path

from benchmarks.cases import CASES

ROOT = Path(__file__).parents[1]


def test_every_case_is_measured_beside_the_floor():
    command = [sys.executable, "-m", "benchmarks", "--latency", "0", "--repeat", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    cells = [[cell.strip() for cell in line.split("|")[1:4]] for line in done.stdout.splitlines() if line.startswith("|")]
    assert [(case, program) for case, _, program in cells[2:]] == [
        (case.name, program) for case in CASES for program in ("memscan", "floor")
    ]
