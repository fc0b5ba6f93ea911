"""Requests that go out before the rest is imported: the same answers, and nothing left behind however it ends."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from memscan.cli.early import begun
from memscan.cli.options import Options
from memscan.source import Listing, Sources, parse_target
from tests.hub import LoopbackHub, Repository
from tests.runner import environment, interruptible, run_memscan
from tests.source.models import sharded, sharded_files, single


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


def asked_for_headers(hub: LoopbackHub) -> int:
    """Requests to the endpoint that gives the headers of all shards."""
    return sum("/safetensors-metadata/" in record.path for record in hub.requests)


def test_the_headers_of_a_sharded_checkpoint_are_asked_for_as_soon_as_the_listing_is_there(hub: LoopbackHub) -> None:
    """While the rest of memscan is imported; and the scan does not ask again."""
    hub.add_repository(sharded())
    with begun(options("org/sharded")) as early:
        assert early is not None
        until = time.monotonic() + 10
        while not asked_for_headers(hub) and time.monotonic() < until:
            time.sleep(0.01)
        assert asked_for_headers(hub) == 1
        assert early.run(nothing) == "done"
    hub.forget()
    assert run_memscan(hub, "org/sharded", "--no-cache").code == 0
    assert asked_for_headers(hub) == 1


@pytest.mark.parametrize("beside", ["model.safetensors", "model_index.json"])
def test_they_are_not_where_something_else_is_read_first(hub: LoopbackHub, beside: str) -> None:
    files = {**sharded_files(2), beside: single().files["model.safetensors"]}
    hub.add_repository(Repository(repo_id="org/both", files=files))

    async def listed(sources: Sources) -> Listing:
        async with sources.open(parse_target("org/both")) as source:
            return await source.listing()

    with begun(options("org/both")) as early:
        assert early is not None
        assert beside in early.run(listed).files
    assert asked_for_headers(hub) == 0


def test_they_are_not_where_only_files_are_listed(hub: LoopbackHub) -> None:
    hub.add_repository(sharded())
    assert run_memscan(hub, "files", "org/sharded", "--no-cache").code == 0
    assert asked_for_headers(hub) == 0


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
    quiet = environment(hub, {"PYTHONWARNINGS": None})  # an importer that is interrupted leaves the file that it reads open
    with subprocess.Popen(
        command, env=quiet, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible
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


def test_a_name_that_is_still_looked_up_holds_nobody_up(hub: LoopbackHub) -> None:
    """The system's resolver cannot be interrupted; here it is a thread that waits until the block has ended."""
    hub.add_repository(single())
    ended = threading.Event()

    async def look_up(_: Sources) -> str:
        asyncio.get_running_loop().run_in_executor(None, ended.wait, 60)
        return "done"

    with begun(options("org/single")) as early:
        assert early is not None
        assert early.run(look_up) == "done"
    assert not ended.is_set()
    ended.set()
