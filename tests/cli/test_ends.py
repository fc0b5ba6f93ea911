"""How a run ends when nobody reads what it says, or the surroundings are broken: with its own exit code, and in one line."""

import json
import os
import subprocess

import pytest

from tests.hub import LoopbackHub
from tests.runner import COMMAND, environment, run_memscan
from tests.source.models import single


def code_without_a_reader(hub: LoopbackHub, *args: str) -> int:
    """The exit code of a run whose standard error is a pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*COMMAND, *args], env=environment(hub), stdout=subprocess.DEVNULL, stderr=writing, check=False, timeout=120
        )
    finally:
        os.close(writing)
    return done.returncode


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("check", "org/single", "--max-memory", "1B", "--json"), 1),
        (("check", "org/single", "--max-memory", "1B", "--format", "github"), 1),
        (("check", "org/single", "no/such", "--max-memory", "1GB"), 3),
        (("diff", "org/single", "no/such", "--fail-on-growth", "0", "--json"), 3),
        (("no/such",), 3),
        (("--bogus",), 2),
        (("org/single",), 0),
    ],
)
def test_a_gate_stays_closed_when_nobody_reads_what_is_said(hub: LoopbackHub, args: tuple[str, ...], code: int) -> None:
    hub.add_repository(single())
    assert code_without_a_reader(hub, *args) == code


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")  # noqa: PTH110
def test_a_full_standard_error_is_no_verdict(hub: LoopbackHub) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run([*COMMAND, "no/such"], env=environment(hub), stdout=subprocess.DEVNULL, stderr=full, check=False)
    assert done.returncode == 3


def test_a_closed_standard_error_leaves_the_answer_alone(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    words = ["sh", "-c", 'exec "$@" 2>&-', "sh", *COMMAND, "org/single", "no/such", "--json"]
    done = subprocess.run(words, env=environment(hub), capture_output=True, check=False)
    assert done.returncode == 3
    assert len(json.loads(done.stdout)["errors"]) == 1


def test_a_token_that_cannot_be_read(hub: LoopbackHub, tmp_path) -> None:
    hub.add_repository(single())
    run = run_memscan(hub, "org/single", "--no-cache", env={"HF_TOKEN": None, "HF_TOKEN_PATH": str(tmp_path)})
    assert (run.code, run.stdout) == (2, "")
    assert run.stderr.startswith("memscan: the file with your token")
    assert run.stderr.count("\n") == 1


def test_a_proxy_that_takes_another_package(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    run = run_memscan(
        hub, "org/single", "--no-cache", env={"ALL_PROXY": "socks5://127.0.0.1:9", "NO_PROXY": None, "no_proxy": None}
    )
    assert run.code in (2, 4)
    assert run.stderr.count("\n") == 1
    assert "internal error" not in run.stderr
