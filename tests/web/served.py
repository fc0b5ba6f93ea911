"""`memscan serve` in a process of its own, while a block runs."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from tests.hub import LoopbackHub
from tests.runner import environment, interruptible


@dataclass(slots=True, kw_only=True)
class Served:
    """A server that runs, or that has run."""

    address: str
    code: int | None = None
    """Its exit code, once the block is left."""
    said: str = ""
    """The rest of its standard error, likewise."""


@contextmanager
def serving(hub: LoopbackHub, *args: str, env: Mapping[str, str | None] | None = None) -> Iterator[Served]:
    """Serve at a free port; at the end it is interrupted, as by Ctrl-C."""
    command = [sys.executable, "-m", "memscan", "serve", "--port", "0", *args]
    values = environment(hub, {"PYTHONWARNINGS": None, **(env or {})})
    with subprocess.Popen(
        command, env=values, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, preexec_fn=interruptible
    ) as process:
        line = process.stderr.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            process.kill()
            raise RuntimeError(f"no address: {line}{process.stderr.read()}")
        served = Served(address=found[0])
        try:
            yield served
        finally:
            process.send_signal(signal.SIGINT)
            _, served.said = process.communicate(timeout=30)
            served.code = process.returncode
