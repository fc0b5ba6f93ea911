"""Requests that go out before the rest is imported: the same answers, and nothing left behind however it ends."""

import contextlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from memscan.cli.early import begun
from memscan.cli.options import Options
from memscan.source import Sources
from tests.hub import LoopbackHub
from tests.runner import environment, interruptible, run_memscan
from tests.source.models import single


def options(*targets: str, **scan: object) -> Options:
    given = {"token": None, "cache": False, "offline": False, "revision": None, **scan}
    return Options(targets=targets, scan=given, output_format="table", output=None)


async def nothing(_: Sources) -> str:
    return "done"


def test_the_requests_are_sent_before_the_work_is_known(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    with begun(options("org/single")) as early:
        assert early is not None
        until = time.monotonic() + 10
        while len(hub.requests) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        assert len(hub.requests) >= 3
        assert early.run(nothing) == "done"


def test_no_thread_is_left(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    hub.latency = 0.5
    before = threading.active_count()
    interval = sys.getswitchinterval()
    with contextlib.suppress(ZeroDivisionError), begun(options("org/single")):
        assert threading.active_count() > before
        raise ZeroDivisionError
    assert threading.active_count() == before
    assert sys.getswitchinterval() == interval


@pytest.mark.parametrize("word", ["no/such/thing/at/all", "https://[bad", "nowhere://x"])
def test_what_is_no_target_begins_nothing(word: str) -> None:
    with begun(options(word)) as early:
        assert early is None


def test_a_folder_needs_no_thread(tmp_path) -> None:
    (tmp_path / "model.safetensors").write_bytes(single().files["model.safetensors"])
    before = threading.active_count()
    with begun(options(str(tmp_path))) as early:
        assert early is None
        assert threading.active_count() == before


def test_offline_asks_nothing(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    run = run_memscan(hub, "org/single", "--offline")
    assert run.code == 3
    assert run.stderr.count("\n") == 1
    assert hub.requests == ()


def test_the_same_target_twice(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    run = run_memscan(hub, "org/single", "org/single", "--json")
    assert (run.code, run.stderr) == (0, "")


@pytest.mark.parametrize("seconds", [0, 0.02, 0.5])
def test_an_interrupt_ends_it_at_once(hub: LoopbackHub, seconds: float) -> None:
    """Also one that comes while the rest of memscan is being imported."""
    hub.add_repository(single())
    hub.latency = 60
    command = [sys.executable, "-m", "memscan", "org/single", "--no-cache"]
    with subprocess.Popen(
        command, env=environment(hub), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible
    ) as process:
        until = time.monotonic() + 20
        while not hub.requests and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert (stdout, stderr.lstrip()) == ("", "memscan: interrupted\n")
    # An interrupt inside of exec(), which makes dataclasses, ends CPython by the signal, whoever caught it: for a shell 130 too.
    assert process.returncode in (130, -signal.SIGINT)
