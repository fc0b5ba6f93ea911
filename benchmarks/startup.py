"""What starting costs: the command that answers without any scan, and the import of the package."""

import sys
from collections.abc import Mapping

from benchmarks.process import Spent, spent
from benchmarks.programs import MEMSCAN

NOTHING = "interpreter"
HELP, VERSION, COMPLETION, IMPORT = "memscan --help", "memscan --version", "completion in bash", "import memscan"
COMPLETE = {"_MEMSCAN_COMPLETE": "bash_complete", "COMP_WORDS": "memscan --", "COMP_CWORD": "1"}


def starts(surroundings: Mapping[str, str], repeat: int) -> dict[str, Spent]:
    """What each took, at the run that took the least CPU."""
    every: dict[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
        NOTHING: ((sys.executable, "-c", "pass"), {}),
        IMPORT: ((sys.executable, "-c", "import memscan"), {}),
        VERSION: ((*MEMSCAN, "--version"), {}),
        HELP: ((*MEMSCAN, "--help"), {}),
        COMPLETION: (MEMSCAN, COMPLETE),
    }
    runs: dict[str, list[Spent]] = {name: [] for name in every}
    for _ in range(repeat):
        for name, (command, more) in every.items():
            runs[name].append(spent(command, {**surroundings, **more}))
    return {name: min(took, key=lambda one: one.cpu) for name, took in runs.items()}
