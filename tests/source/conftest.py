"""Scans that wait for silent servers, started with the first test here so that they wait while the other tests run."""

import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.hub import Fault, LoopbackHub
from tests.runner import Run, run_memscan

from .models import sharded, single

LARGE = 163  # shards; that of the largest checkpoints on the Hub


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """How a run against servers that hang ended, and how long it took."""

    run: Run
    seconds: float


@pytest.fixture(scope="session", autouse=True)
def _silences(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Silence]]]:
    """The runs, by the name of what is silent; none where no test asks for them."""
    if not any("silence" in getattr(item, "fixturenames", ()) for item in request.session.items):
        yield {}
        return
    with contextlib.ExitStack() as stack:
        # A hub of their own: that of the session is cleared between tests.
        hub = stack.enter_context(LoopbackHub())
        targets = _spoiled(hub)
        targets["connecting"] = stack.enter_context(_nobody_accepts()) + "/x.safetensors"
        pool = stack.enter_context(ThreadPoolExecutor(len(targets)))
        yield {name: pool.submit(_timed, hub, target) for name, target in targets.items()}


@pytest.fixture
def silence(request: pytest.FixtureRequest, _silences: dict[str, Future[Silence]]) -> Silence:
    """The run that the test is parametrized with."""
    return _silences[request.param].result()


def _timed(hub: LoopbackHub, target: str) -> Silence:
    started = time.monotonic()
    run = run_memscan(hub, target, env={"HF_HUB_DISABLE_TELEMETRY": "1"})
    return Silence(run=run, seconds=time.monotonic() - started)


def _spoiled(hub: LoopbackHub) -> dict[str, str]:
    places = {"listing": "/api/models/org/{}\\?", "resolve": "/org/{}/resolve/.*safetensors", "cdn": "/lfs/org/{}/"}
    targets = {}
    for where, match in places.items():
        for how, about in {"head": {}, "body": {"after": 5}}.items():
            if (where, how) == ("resolve", "body"):
                continue  # nobody waits for the body of a redirect
            name = f"{where}-{how}"
            targets[name] = hub.add_repository(single(f"org/{name}")).repo_id
            hub.add_fault(Fault(match=match.format(name), kind="hang", **about))
    targets["drip"] = hub.add_repository(single("org/drip")).repo_id
    hub.add_fault(Fault(match="/lfs/org/drip/", kind="slow", piece=1, pause=0.3))
    targets["everything in turn"] = hub.add_repository(sharded("org/turn")).repo_id
    hub.add_fault(Fault(match="/api/models/org/turn\\?", kind="hang", times=1))
    hub.add_fault(Fault(match="/org/turn/(resolve|safetensors)", kind="hang"))
    targets["many shards"] = hub.add_repository(sharded("org/many", count=LARGE)).repo_id
    hub.add_fault(Fault(match="/lfs/org/many/|/org/many/safetensors-metadata", kind="hang"))
    return targets


@contextlib.contextmanager
def _nobody_accepts() -> Iterator[str]:
    """An address where connecting hangs, on Linux at least: a listener with a full queue."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
