"""Measure memscan beside the floor and its peers, against a loopback Hub with a round trip of your choice.

python -m benchmarks [--latency 0.05 ...] [--repeat 5] [--peers PYTHON] [--output FILE]

`--peers` is an interpreter with `benchmarks/peers.txt` installed, in an environment of its own; `make benchmarks` makes one.
Every row is the fastest of `--repeat` runs, each a process of its own and all in turn, so that a busy moment of the machine
falls on all.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate
from tests.hub import FIXTURES, Fault, LoopbackHub, materialise, round_trips
from tests.hub.materialise import load_fixtures

from benchmarks.cases import CASES, Case
from benchmarks.process import spent

MEMSCAN = (sys.executable, "-m", "memscan")
HERE = Path(__file__).parent
FLOOR = (sys.executable, "-S", str(HERE / "floor.py"))
PEERS = {"hf-mem": ("run_hf_mem.py", "--model-id"), "huggingface_hub": ("run_huggingface_hub.py",)}
"""The scripts that run them, and the arguments before the target."""
NO_ENDPOINT = Fault(match="safetensors-metadata", kind="status", status=404)
ENOUGH = 0.05  # seconds; without a round trip, requests that were sent together may seem to wait for one another
HEADERS = ("case", "round trip", "program", "wall", "beside memscan", "CPU", "peak", "requests", "in a row", "bytes")
PAGE = """# Performance

Made by `make benchmarks`: every program a process of its own, in turn, against a loopback Hub that waits before each reply; the
fastest of {repeat} runs. The Hub speaks plain HTTP/1.1, so nobody's TLS is in these times. Repositories are real models' headers
(`fixtures/hub`). The *floor* is an interpreter that makes the same round trips one after the other with the standard library and
does nothing else. hf-mem reads the headers alone; huggingface_hub is its `get_safetensors_metadata`. memscan also reads the
config. *In a row* are the requests that waited for one another.

{cores} cores, Python {python}. `memscan --help` takes {help:.3f} s of CPU, an interpreter that does nothing {nothing:.3f} s.

{table}
"""


def main(arguments: Sequence[str]) -> None:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--latency", type=float, nargs="+", default=[0.05], help="seconds before each reply")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--peers", default="", help="an interpreter with benchmarks/peers.txt installed, measured beside")
    parser.add_argument("--output", type=Path, help="a file to write to, instead of standard output")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        page = _page(Path(name), options)
    if options.output is None:
        print(page, end="")
    else:
        options.output.write_text(page, encoding="utf-8")


def _page(folder: Path, options: argparse.Namespace) -> str:
    for fixture in {case.target for case in CASES}:
        materialise(FIXTURES / fixture, folder / "hub" / fixture)
    with LoopbackHub(load_fixtures(folder / "hub")) as hub:
        environment = _environment(hub, folder)
        rows = [
            row
            for latency in options.latency
            for case in CASES
            for row in _rows(case, hub, environment, latency=latency, repeat=options.repeat, peers=options.peers)
        ]
    return PAGE.format(
        repeat=options.repeat, cores=os.cpu_count(), python=platform.python_version(),
        help=_least_cpu((*MEMSCAN, "--help"), environment, options.repeat),
        nothing=_least_cpu((sys.executable, "-c", ""), environment, options.repeat),
        table=tabulate(rows, HEADERS, tablefmt="github", disable_numparse=True),
    )  # fmt: skip


def _rows(
    case: Case, hub: LoopbackHub, environment: dict[str, str], *, latency: float, repeat: int, peers: str
) -> list[tuple[str, ...]]:
    """A row of each program."""
    hub.reset()
    hub.latency = latency
    if not case.endpoint:
        hub.add_fault(NO_ENDPOINT)
    ours = (*MEMSCAN, case.target, *case.options)
    if case.is_warm:
        spent(ours, environment)
    asked = {"memscan": _asked(hub, ours, environment)}
    # The floor asks as often as memscan does one after the other; where memscan asks nothing, it is an interpreter's start.
    commands = {"memscan": ours, "floor": (*FLOOR, f"{hub.endpoint}/api/models/{case.target}", str(asked["memscan"][1]))}
    for name, (script, *words) in PEERS.items() if peers and case.peers else ():
        commands[name] = (peers, str(HERE / script), *words, case.target)
        asked[name] = _asked(hub, commands[name], environment)
    runs = [{name: spent(command, environment) for name, command in commands.items()} for _ in range(repeat)]
    best = {name: min((run[name] for run in runs), key=lambda one: one.wall) for name in commands}
    ours_wall = best["memscan"].wall
    return [
        (
            case.name, f"{1000 * latency:.0f} ms", name, f"{best[name].wall:.2f} s", f"{best[name].wall / ours_wall:.2f}",
            f"{best[name].cpu:.2f} s", f"{best[name].peak_bytes / 2**20:.0f} MiB", *map(str, asked.get(name, ("", "", ""))),
        )
        for name in commands
    ]  # fmt: skip


def _asked(hub: LoopbackHub, command: Sequence[str], environment: dict[str, str]) -> tuple[int, int, int]:
    """The requests of a run, those that waited for one another, and the bytes that came back."""
    latency = hub.latency
    hub.latency = max(latency, ENOUGH)
    hub.forget()
    spent(command, environment)
    records, hub.latency = hub.requests, latency
    return len(records), round_trips(records), sum(record.body_bytes for record in records)


def _least_cpu(command: Sequence[str], environment: dict[str, str], repeat: int) -> float:
    return min(spent(command, environment).cpu for _ in range(repeat))


def _environment(hub: LoopbackHub, folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "MEMSCAN_"))}
    return {
        **kept, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_TELEMETRY": "1",
        "MEMSCAN_CACHE": str(folder / "cache"), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
    }  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
