"""memscan in a process of its own, for whatever depends on the environment, the arguments or the exit."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.hub import LoopbackHub

NOWHERE = "http://hub.invalid"  # a name that can never be resolved: https://www.rfc-editor.org/rfc/rfc6761#section-6.4
COMMAND = (sys.executable, "-m", "memscan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came out."""

    code: int
    stdout: str
    stderr: str


def run_memscan(
    hub: LoopbackHub | None, *args: str, env: Mapping[str, str | None] | None = None, stdin: str = "", cwd: Path | None = None,
    timeout: float = 120.0,
) -> Run:  # fmt: skip
    """Run `memscan ARGS` against `hub`; without one, whatever it asks fails.

    `env` is put over the environment, a None takes a name out of it. Warnings about resources are shown, so that a test
    which expects an empty stderr notices them.
    """
    done = subprocess.run(
        [*COMMAND, *args], env=environment(hub, env), input=stdin, cwd=cwd, timeout=timeout, capture_output=True, text=True,
        check=False, encoding="utf-8",
    )  # fmt: skip
    return Run(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def environment(hub: LoopbackHub | None, over: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """The environment of such a process."""
    values: dict[str, str | None] = {
        **os.environ,
        "HF_ENDPOINT": NOWHERE if hub is None else hub.endpoint,
        "HF_HUB_DISABLE_TELEMETRY": None,  # as users have it
        "PYTHONWARNINGS": "default::ResourceWarning",
        "PYTHONIOENCODING": "utf-8",
        **(over or {}),
    }
    return {name: value for name, value in values.items() if value is not None}


def interruptible() -> None:
    """Run in a process before its program: the background jobs of a shell ignore interrupts, and hand that down."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
