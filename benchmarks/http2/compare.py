"""Measures the same requests over HTTP/1.1 and HTTP/2."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hub import ROOT
from benchmarks.process import Spent, spent
from benchmarks.shapes import llama

COUNTS = (1, 4, 191)
CLIENT = str(Path(__file__).with_name("client.py"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Both at one round trip."""

    latency: float
    """Seconds before each reply."""
    files: int
    """How many headers are asked for."""
    one: Spent
    """HTTP/1.1."""
    two: Spent
    """HTTP/2."""


def compare(python: str, folder: Path, tls: Path, latencies: Sequence[float], repeat: int) -> list[Compared]:
    """What the requests for 1, 4 and 191 headers took, the fastest of `repeat` runs; `python` has `server.txt` installed."""
    return [one for latency in latencies for one in _compare(python, folder, tls, latency, repeat)]


def _compare(python: str, folder: Path, tls: Path, latency: float, repeat: int) -> Iterator[Compared]:
    files = sorted(path.name for path in (folder / llama.REPO_ID).glob("*.safetensors"))
    surroundings = {"SSL_CERT_FILE": str(tls / "client.pem"), "NO_PROXY": "127.0.0.1"}
    with _served(python, folder, tls, latency) as endpoint:
        for count in COUNTS:
            asked = (endpoint, llama.REPO_ID, *files[:count])
            runs = [{version: spent((python, CLIENT, version, *asked), surroundings) for version in "12"} for _ in range(repeat)]
            one, two = (min((run[version] for run in runs), key=lambda took: took.wall) for version in "12")
            print(
                f"HTTP/2, {count} headers, {1000 * latency:.0f} ms: {one.wall:.3f}, {two.wall:.3f} s", file=sys.stderr, flush=True
            )
            yield Compared(latency=latency, files=count, one=one, two=two)


@contextmanager
def _served(python: str, folder: Path, tls: Path, latency: float) -> Iterator[str]:
    command = [python, "-m", "benchmarks.http2.serve", str(folder), str(tls), str(latency)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            endpoint = process.stdout.readline().strip() if process.stdout else ""
            if not endpoint:
                raise RuntimeError("the HTTP/2 server did not start; its reason is above")
            yield endpoint
        finally:
            process.terminate()
