"""A batch on a real cluster of several processes, of which one is killed in the middle: the same rows as in one process."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from tests.batch.batches import batch, rows, small
from tests.batch.test_resume import keys
from tests.hub import LoopbackHub, RateLimits, Repository
from tests.layouts.files import CONFIG, safe
from tests.runner import COMMAND, environment, run_memscan

COUNT = 400
TOKEN = "hf_cluster_secret"


def workers(process: psutil.Process) -> list[psutil.Process]:
    """The worker processes of a local cluster."""
    return [child for child in process.children() if "spawn_main" in " ".join(child.cmdline())]


def test_a_worker_that_is_killed_changes_no_row(tmp_path: Path) -> None:
    whole, sharded = tmp_path / "whole.parquet", tmp_path / "sharded.parquet"
    journal = tmp_path / "sharded.parquet.journal"
    search = ["--author", "many", "--sort", "likes", "--concurrency", "4"]
    with LoopbackHub(small(COUNT)) as hub:
        batch(hub, whole, *search)
        hub.latency = 0.02
        command = [*COMMAND, "batch", *search, "-o", str(sharded), "--scheduler", "local:3"]
        with subprocess.Popen(command, env=environment(hub), stderr=subprocess.PIPE, text=True) as process:
            while process.poll() is None and not (journal.exists() and len(keys(journal)) >= 50):
                time.sleep(0.02)
            running = workers(psutil.Process(process.pid))
            assert len(running) == 3
            written = len(keys(journal))
            assert 50 <= written < COUNT  # partitions are written as they finish, and this one is in the middle
            running[0].kill()
            _, stderr = process.communicate(timeout=120)
        assert (process.returncode, stderr) == (0, f"memscan: {sharded}: {COUNT} rows, 0 of them failed\n")
    table = pq.read_table(sharded)
    assert table.column("requested").to_pylist() == [f"many/{number:05}" for number in range(COUNT)]
    assert table.equals(pq.read_table(whole))
    assert sharded.read_bytes() == whole.read_bytes()


def test_a_client_that_is_killed_goes_on(tmp_path: Path) -> None:
    output = tmp_path / "rows.jsonl"
    journal = tmp_path / "rows.jsonl.journal"
    with LoopbackHub(small(200)) as hub:
        hub.latency = 0.02
        command = [*COMMAND, "batch", "--author", "many", "-o", str(output), "--scheduler", "local:2", "--concurrency", "4"]
        with subprocess.Popen(command, env=environment(hub), stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and not (journal.exists() and keys(journal)):
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
        before = len(keys(journal))
        assert 0 < before < 200
        hub.latency = 0.0
        batch(hub, output, "--author", "many", "--resume", "--scheduler", "local:2")
    assert [row["total_size"] for row in rows(output)] == [4 * (number + 1) for number in range(200)]


def test_workers_share_the_rate_limit_and_have_the_token_of_their_environment(tmp_path: Path) -> None:
    limits = RateLimits(allowed={"api": 20, "resolvers": 90, "pages": 5}, window=5.0, enforced=True)
    closed = Repository(
        repo_id="many/gated", files={"model.safetensors": safe(), "config.json": CONFIG}, gated="auto", readers=frozenset({TOKEN})
    )  # fmt: skip
    with LoopbackHub([*small(79), closed], limits=limits) as hub:
        args = ["--author", "many", "--sort", "created_at", "--token", TOKEN, "--scheduler", "local:2"]
        run = batch(hub, tmp_path / "rows.jsonl", *args)
        connections = {record.connection for record in hub.requests if "/resolve/" in record.path}
    assert limits.refused == 0
    assert limits.most["resolvers"] <= 90
    assert len(connections) > 1
    found = rows(tmp_path / "rows.jsonl")
    assert [row["exit_code"] for row in found] == [0] * 80
    assert found[-1]["requested"] == "many/gated"
    assert TOKEN not in run.stderr


@contextmanager
def scheduler(folder: Path, hub: LoopbackHub) -> Iterator[str]:
    """A scheduler and a worker as a cluster has them, which ask `hub`; the address."""
    place, env = folder / "scheduler.json", environment(hub)
    main = [sys.executable, "-m"]
    options = ["--scheduler-file", str(place), "--no-dashboard"]
    started = [
        subprocess.Popen(
            [*main, "distributed.cli.dask_scheduler", "--port", "0", "--host", "127.0.0.1", *options],
            env=env,
            stderr=subprocess.PIPE,
        )
    ]
    started.append(
        subprocess.Popen([*main, "distributed.cli.dask_worker", "--nthreads", "1", *options], env=env, stderr=subprocess.PIPE)
    )
    try:
        deadline = time.monotonic() + 60
        while not place.exists() or not place.read_text().endswith("}"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield json.loads(place.read_text())["address"]
    finally:
        for process in reversed(started):
            process.terminate()
            _, said = process.communicate(timeout=30)
            (folder / f"{process.pid}.log").write_bytes(said)


def test_a_cluster_elsewhere(tmp_path: Path) -> None:
    with LoopbackHub(small(30)) as hub, scheduler(tmp_path, hub) as address:
        batch(hub, tmp_path / "here.jsonl", "--author", "many")
        hub.forget()
        batch(hub, tmp_path / "there.jsonl", "--author", "many", "--scheduler", address)
        assert (tmp_path / "there.jsonl").read_bytes() == (tmp_path / "here.jsonl").read_bytes()
        run = batch(hub, tmp_path / "token.jsonl", "--author", "many", "--scheduler", address, "--token", TOKEN, code=2)
        assert "set HF_TOKEN where they run" in run.stderr
        (tmp_path / "token.jsonl.journal").unlink(missing_ok=True)
        with LoopbackHub(small(1)) as other:
            run = batch(other, tmp_path / "other.jsonl", "--author", "many", "--scheduler", address, code=2)
        assert f"HF_ENDPOINT {hub.endpoint}" in run.stderr
        assert len(run.stderr.splitlines()) == 1
    assert TOKEN not in "".join(log.read_text() for log in tmp_path.glob("*.log"))


@pytest.mark.parametrize(
    ("address", "said", "code"),
    [
        ("somewhere", "is no address; expected tcp://host:8786, or local[:N]", 2),
        ("local:many", "'many' is no number of processes", 2),
        ("local:0", "'0' is no number of processes", 2),
        ("tcp://127.0.0.1:1", "no Dask scheduler answers", 4),
        ("nonsense://127.0.0.1:1", "is no address", 2),
    ],
)
def test_no_scheduler_is_one_line(hub: LoopbackHub, tmp_path: Path, address: str, said: str, code: int) -> None:
    run = batch(hub, tmp_path / "rows.csv", "-", "--scheduler", address, stdin="org/name", code=code)
    assert said in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_without_dask_it_is_one_line(hub: LoopbackHub, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['distributed'] = None\n")
    path = {"PYTHONPATH": ":".join([str(tmp_path), *filter(None, sys.path)])}
    run = run_memscan(hub, "batch", "-", "-o", str(tmp_path / "rows.csv"), "--scheduler", "local", env=path)
    assert (run.code, len(run.stderr.splitlines())) == (2, 1)
    assert "pip install 'memscan[dask]'" in run.stderr
