"""Runs every program in every case, in turn, so that a busy moment of the machine falls on all."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.hub import Asked, Hub
from benchmarks.process import FailedError, Spent, spent
from benchmarks.programs import MEMSCAN, Command, Interpreters, Place, commands
from benchmarks.row import Row

PATIENCE = 3.0  # seconds for all runs of a program in a case but the first two
NOTHING = Spent(wall=0.0, cpu=0.0, peak_bytes=0)


def environment(hub: Hub, folder: Path) -> dict[str, str]:
    """The surroundings of a measured process: `hub` is its Hub, and nothing of the user's own leads it elsewhere."""
    foreign = ("HF_", "MEMSCAN_", "SSL_CERT_", "REQUESTS_CA_", "CURL_CA_")
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(foreign)}
    kept = {name: value for name, value in kept.items() if not name.upper().endswith("_PROXY")}
    here = {
        "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1", "MEMSCAN_CACHE": str(folder / "cache"), "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1", "HOME": str(folder / "home"),
    }  # fmt: skip
    return kept | here | ({} if hub.certificate is None else {"SSL_CERT_FILE": str(hub.certificate)})


def rows(case: Case, hub: Hub, folder: Path, *, latency: float, repeat: int, found: Interpreters) -> Iterator[Row]:
    """A row of each program that does the case's work."""
    place = Place(case=case, folder=folder / "hub", hub=hub, latency=latency)
    surroundings = environment(hub, folder)
    hub.behave(latency=latency, endpoint=case.endpoint)
    if case.is_warm:
        spent((*MEMSCAN, case.repo), surroundings)
    told = "" if case.is_local else ("https" if place.secure else "http")
    for name, (best, asked, failure) in _in_turn(commands(place, found), place, surroundings, repeat).items():
        print(
            f"{case.name}, {told} {1000 * latency:.0f} ms, {name}: {failure or f'{best.wall:.3f} s'}", file=sys.stderr, flush=True
        )
        yield Row(
            case=case.name, protocol=told, latency=latency, program=name, spent=best,
            asked=None if case.is_local else asked, failure=failure,
        )  # fmt: skip


def _in_turn(
    every: dict[str, Command], place: Place, surroundings: dict[str, str], repeat: int
) -> dict[str, tuple[Spent, Asked, str]]:
    best: dict[str, tuple[Spent, Asked, str]] = {}
    total = dict.fromkeys(every, 0.0)
    for turn in range(repeat):
        for name, command in every.items():
            if (turn >= 2 and total[name] > PATIENCE * turn / repeat) or (name in best and best[name][2]):
                continue
            place.hub.behave(latency=place.latency, endpoint=place.case.endpoint)
            try:
                took = spent(command, surroundings)
            except FailedError as error:
                best[name] = NOTHING, place.hub.asked(), str(error)
                continue
            total[name] += took.wall
            if name not in best or took.wall < best[name][0].wall:
                best[name] = took, place.hub.asked(), ""
    return best
