"""Run a command, or anything at all, against the fixtures behind the loopback Hub.

python -m tests.hub -- memscan bert-base-cased
python -m tests.hub serve --port 8080 --latency 0.05
python -m tests.hub serve --copies 2000 google-bert/bert-base-cased --api 500 --resolvers 3000 --window 300
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from .hub import LoopbackHub
from .limits import RateLimits
from .materialise import FIXTURES, load_fixtures, materialise
from .repository import Repository

# Settings of the user's own that would lead the command elsewhere, or make it send a token that nobody here knows.
UNSET = (
    "HF_HUB_OFFLINE",
    "HF_TOKEN",
    "HF_TOKEN_PATH",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
)


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: that of the command where there is one."""
    if arguments[:1] == ["--"] and len(arguments) > 1:
        with _fixtures() as (hub, folder):
            return _run(arguments[1:], _environment(hub.endpoint, folder))
    parser = argparse.ArgumentParser(prog="python -m tests.hub", usage="%(prog)s (-- CMD ARGS... | serve [OPTIONS])")
    parser.add_argument("verb", choices=["serve"])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each reply")
    parser.add_argument(
        "--copies", nargs=2, metavar=("N", "ORG/NAME"), help="so many repositories with the files of this fixture"
    )
    parser.add_argument("--api", type=int, help="enforce rate limits: API requests of a window")
    parser.add_argument("--resolvers", type=int, default=3000, help="with --api: requests for files")
    parser.add_argument("--window", type=float, default=300.0, help="with --api: seconds of a window")
    options = parser.parse_args(arguments)
    limits = None
    if options.api is not None:
        allowed = {"api": options.api, "resolvers": options.resolvers, "pages": 100}
        limits = RateLimits(allowed=allowed, window=options.window, enforced=True)
    with _fixtures(port=options.port, latency=options.latency, limits=limits) as (hub, _):
        if options.copies is not None:
            hub.add_repositories(_copies(hub, int(options.copies[0]), options.copies[1]))
        print(hub.endpoint, flush=True)
        _wait()
    return 0


@contextmanager
def _fixtures(*, port: int = 0, latency: float = 0.0, limits: RateLimits | None = None) -> Iterator[tuple[LoopbackHub, Path]]:
    """Serve every fixture from a temporary folder, which the command may use as its home too."""
    with tempfile.TemporaryDirectory(prefix="loopback-hub-") as name:
        folder = Path(name)
        for fixture in FIXTURES.glob("*/*"):
            materialise(fixture, folder / "hub" / fixture.relative_to(FIXTURES))
        with LoopbackHub(load_fixtures(folder / "hub"), port=port, latency=latency, limits=limits) as hub:
            yield hub, folder


def _copies(hub: LoopbackHub, count: int, name: str) -> Iterator[Repository]:
    model = next(one for one in hub.repositories if one.repo_id == name)
    for number in range(count):
        yield replace(model, repo_id=f"copies/{number:07}", commit="", aliases=())


def _environment(endpoint: str, folder: Path) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    environment.update(HF_ENDPOINT=endpoint, HF_HOME=str(folder / "home"), MEMSCAN_CACHE=str(folder / "cache"))
    for name in ("NO_PROXY", "no_proxy"):  # a proxy of the user's cannot reach this machine's loopback
        environment[name] = ",".join(filter(None, [environment.get(name), "127.0.0.1"]))
    return environment


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    with subprocess.Popen(command, env=environment) as process:
        while True:
            try:
                code = process.wait()
            except KeyboardInterrupt:  # the command has had it too, and decides what it means
                continue
            return code if code >= 0 else 128 - code  # as a shell reports a signal


def _wait() -> None:
    """Wait for an interrupt, or for the signal that ends a service."""
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        stopped.wait()
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
