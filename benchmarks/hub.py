"""The measured side's handle on the Hub's process."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a run asked of the Hub."""

    requests: int
    in_a_row: int
    """Requests that waited for one another; says something only where the Hub has a latency."""
    bytes: int
    """Of all bodies that the Hub sent."""


class Hub:
    """A loopback Hub in another process."""

    endpoint: str
    """Its address, for HF_ENDPOINT."""

    def __init__(self, process: "subprocess.Popen[str]", certificate: Path | None) -> None:
        self._process = process
        self.certificate = certificate
        """The authority's, for SSL_CERT_FILE."""
        self.endpoint = str(self._reply()["endpoint"])

    def behave(self, *, latency: float, endpoint: bool) -> None:
        """Wait `latency` seconds before each reply from now on, with or without the one-request endpoint; forget the past."""
        self._say({"latency": latency, "endpoint": endpoint})

    def asked(self) -> Asked:
        """What it was asked since it was last told how to behave."""
        return Asked(**self._say({}))

    def _say(self, order: dict[str, float]) -> dict[str, int]:
        if self._process.stdin is None:
            raise AssertionError("the Hub is started with a pipe")
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._reply()

    def _reply(self) -> dict[str, int]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError("the loopback Hub's process has ended; its reason is above")
        reply: dict[str, int] = json.loads(line)
        return reply


@contextmanager
def served(folder: Path, *, tls: Path | None = None) -> Iterator[Hub]:
    """Serve the repositories below `folder`; over TLS where `tls` holds what `python -m trustme` writes."""
    command = [sys.executable, "-m", "benchmarks.serve", str(folder)]
    if tls is not None:
        chain = tls / "chain.pem"
        chain.write_bytes((tls / "server.key").read_bytes() + (tls / "server.pem").read_bytes())
        command.append(str(chain))
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Hub(process, None if tls is None else tls / "client.pem")
        if process.stdin is not None:
            process.stdin.close()
