"""Measure memscan beside the floor and its peers, against a loopback Hub with a round trip of your choice: `make bench`.

python -m benchmarks [--quick] [--peers PYTHON] [--torch PYTHON] [--server PYTHON] [--output FILE] [--results FILE]

The interpreters have `peers.txt`, `peers-torch.txt` and `server.txt` of this folder installed, each in an environment of its own;
without one, what it is for is left out. `--render FILE` makes the page from the figures that an earlier run wrote to `--results`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.cases import CASES, LATENCIES, SINGLE, make_repositories
from benchmarks.http2.compare import compare
from benchmarks.hub import ROOT, Hub, served
from benchmarks.measure import environment, rows
from benchmarks.page import page, row_table, target_table
from benchmarks.phases import phases
from benchmarks.programs import Interpreters
from benchmarks.results import Results
from benchmarks.row import Row, Rows
from benchmarks.startup import starts

QUICK = (0.05,)
COLD_STARTS, SAMPLED = 4, 4  # times `--repeat`: both are short, and their figures are small


def main(arguments: Sequence[str]) -> None:
    """Print the tables, or write the page and its plots."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few cases, one round trip, plain HTTP; print the tables alone")
    parser.add_argument("--latency", type=float, nargs="+", default=None, help="seconds before each reply")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--peers", default="", help="an interpreter with benchmarks/peers.txt installed")
    parser.add_argument("--torch", default="", help="an interpreter with benchmarks/peers-torch.txt installed")
    parser.add_argument("--server", default="", help="an interpreter with benchmarks/server.txt installed: TLS, HTTP/2, plots")
    parser.add_argument("--output", type=Path, help="a page to write, with its plots beside it")
    parser.add_argument("--results", type=Path, help="a file for the figures, as JSON")
    parser.add_argument("--render", type=Path, help="a file of figures to make the page from, instead of measuring")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        folder = Path(name)
        results = Results.load(options.render) if options.render else _measure(folder, options)
        if options.results:
            results.save(options.results)
        if options.output is None:
            print(f"{row_table(results, results.rows.every)}\n\n{target_table(results)}")
            return
        options.output.write_text(page(results), encoding="utf-8")
        if options.server:
            results.save(folder / "results.json")
            plot = (options.server, "-m", "benchmarks.plots", str(folder / "results.json"), str(options.output.resolve().parent))
            subprocess.run(plot, cwd=ROOT, check=True)


def _measure(folder: Path, options: argparse.Namespace) -> Results:
    busy = os.getloadavg()[0]
    if busy > 1:
        print(f"the machine is busy (load {busy:.1f}): wall times will be too long", file=sys.stderr)
    cases = tuple(case for case in CASES if case.quick or not options.quick)
    make_repositories(folder / "hub", cases)
    tls = folder / "tls"
    with ExitStack() as stack:
        plain = stack.enter_context(served(folder / "hub"))
        hubs = [plain]
        if options.server and not options.quick:
            tls.mkdir()
            subprocess.run((options.server, "-m", "trustme", "-q", "-d", str(tls), "-i", "127.0.0.1"), check=True)
            hubs.append(stack.enter_context(served(folder / "hub", tls=tls)))
        surroundings = environment(plain, folder)
        found = starts(surroundings, COLD_STARTS * options.repeat)
        plain.behave(latency=0.0, endpoint=True)
        charged = phases(SINGLE, surroundings, folder, SAMPLED * options.repeat)
        every = tuple(row for hub in hubs for row in _rows(hub, folder, options))
    latencies = options.latency or LATENCIES
    compared = compare(options.server, folder / "hub", tls, latencies, min(3, options.repeat)) if len(hubs) > 1 else []
    return Results(
        rows=Rows(every=every), starts=found, phases=charged, compared=tuple(compared), repeat=options.repeat, busy=busy
    )


def _rows(hub: Hub, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    found = Interpreters(peers=options.peers, torch="" if options.quick else options.torch)
    cases = [case for case in CASES if (case.quick or not options.quick) and (case.tls or hub.certificate is None)]
    for case in cases:
        for latency in options.latency or (QUICK if options.quick else case.latencies):
            yield from rows(case, hub, folder, latency=latency, repeat=options.repeat, found=found)


if __name__ == "__main__":
    main(sys.argv[1:])
