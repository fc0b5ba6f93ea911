"""A job that is killed goes on where it was: no row is lost or repeated, and the file is as without the kill."""

import contextlib
import json
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.batch.batches import batch, rows, small
from tests.hub import Fault, LoopbackHub
from tests.runner import COMMAND, environment, interruptible

MANY = 2000


def killed(hub: LoopbackHub, output: Path, args: Sequence[str], *, rows: int, end: signal.Signals = signal.SIGKILL) -> int:
    """Start `memscan batch`, and end it when its journal has so many rows; the exit code."""
    journal = output.with_name(f"{output.name}.journal")
    command = [*COMMAND, "batch", *args, "-o", str(output)]
    with subprocess.Popen(command, env=environment(hub), stderr=subprocess.PIPE, preexec_fn=interruptible) as process:
        while process.poll() is None:
            with contextlib.suppress(FileNotFoundError):
                if journal.read_bytes().count(b'"key"') >= rows:
                    process.send_signal(end)
                    break
            time.sleep(0.02)
        return process.wait()


def keys(journal: Path) -> list[str]:
    """Of the rows of a journal, those whose line is whole."""
    lines = [line for line in journal.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    return [json.loads(line)["key"] for line in lines if b'"key"' in line]


def test_a_killed_batch_of_2000_gives_the_same_parquet_as_one_that_was_not(tmp_path: Path) -> None:
    whole, torn = tmp_path / "whole.parquet", tmp_path / "torn.parquet"
    search = ["--author", "many", "--sort", "likes", "--concurrency", "16"]
    with LoopbackHub(small(MANY)) as hub:
        batch(hub, whole, *search)
        assert killed(hub, torn, search, rows=600) == -signal.SIGKILL
        journal = tmp_path / "torn.parquet.journal"
        before = keys(journal)
        assert 600 <= len(before) < MANY
        assert killed(hub, torn, [*search, "--resume"], rows=1300) == -signal.SIGKILL
        assert keys(journal)[: len(before)] == before
        hub.forget()
        batch(hub, torn, *search, "--resume")
        read_again = [record for record in hub.requests if "/resolve/" in record.path and "model.safetensors" in record.path]
    assert len(read_again) <= MANY - 1300
    assert not journal.exists()
    table = pq.read_table(torn)
    assert table.equals(pq.read_table(whole))
    assert torn.read_bytes() == whole.read_bytes()
    names = table.column("requested").to_pylist()
    assert names == [f"many/{number:05}" for number in range(MANY)]
    assert table.column("total_size").to_pylist() == [4 * (number + 1) for number in range(MANY)]


def test_an_interrupt_says_how_to_go_on(tmp_path: Path) -> None:
    output = tmp_path / "rows.jsonl"
    words = tmp_path / "words.txt"
    words.write_text("".join(f"many/{number:05}\n" for number in range(300)))
    with LoopbackHub(small(300)) as hub:
        hub.latency = 0.01
        assert killed(hub, output, [str(words)], rows=20, end=signal.SIGINT) == 130
        kept = len(keys(tmp_path / "rows.jsonl.journal"))
        assert 20 <= kept < 300
        hub.latency = 0.0
        batch(hub, output, str(words), "--resume")
    assert [row["requested"] for row in rows(output)] == words.read_text().split()


class TestJournal:
    @pytest.fixture(scope="class")
    @classmethod
    def own(cls) -> Iterator[LoopbackHub]:
        """A Hub of 5 repositories."""
        with LoopbackHub(small(5)) as hub:
            yield hub

    @pytest.fixture(scope="class")
    @classmethod
    def kept(cls, own: LoopbackHub, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """What a job left of which one repository could not be reached."""
        folder = tmp_path_factory.mktemp("kept")
        own.add_fault(Fault(match="hub .*many/00003", kind="reset"))
        batch(own, folder / "rows.jsonl", "--author", "many", code=4)
        assert Counter(row["exit_code"] for row in rows(folder / "rows.jsonl")) == {0: 4, 4: 1}
        own.clear_faults()
        return folder

    @pytest.fixture
    def hub(self, own: LoopbackHub) -> LoopbackHub:
        own.forget()
        return own

    @pytest.fixture
    def stopped(self, kept: Path, tmp_path: Path) -> Path:
        """A copy of it: the output, with the journal beside it."""
        return shutil.copytree(kept, tmp_path / "job") / "rows.jsonl"

    def test_a_row_whose_network_failed_is_not_tried_again_unasked(self, hub: LoopbackHub, stopped: Path) -> None:
        run = batch(hub, stopped, "--author", "many", "--resume", code=4)
        assert hub.requests == ()
        assert "--resume --retry-failed" in run.stderr
        batch(hub, stopped, "--author", "many", "--resume", "--retry-failed")
        assert {record.path.split("/")[2] for record in hub.requests if "/resolve/" in record.path} == {"00003"}
        assert [row["exit_code"] for row in rows(stopped)] == [0] * 5
        assert not stopped.with_name("rows.jsonl.journal").exists()

    def test_a_last_line_that_is_torn_is_read_again(self, hub: LoopbackHub, stopped: Path) -> None:
        journal = stopped.with_name("rows.jsonl.journal")
        lines = journal.read_bytes().splitlines(keepends=True)
        lost = json.loads(lines[-1])["row"]["requested"]
        journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:-20])
        batch(hub, stopped, "--author", "many", "--resume", code=0 if lost == "many/00003" else 4)
        assert {record.path.split("/")[2] for record in hub.requests if "/resolve/" in record.path} == {lost[5:]}
        assert [row["requested"] for row in rows(stopped)] == [f"many/{number:05}" for number in range(5)]

    @pytest.mark.parametrize("cut", [0, 1, 30])
    def test_a_first_line_that_is_torn_is_a_new_job(self, hub: LoopbackHub, stopped: Path, cut: int) -> None:
        journal = stopped.with_name("rows.jsonl.journal")
        journal.write_bytes(journal.read_bytes()[:cut])
        batch(hub, stopped, "--author", "many", "--resume")
        assert [row["exit_code"] for row in rows(stopped)] == [0] * 5

    def test_a_line_in_the_middle_that_is_none_of_a_journal_is_refused(self, hub: LoopbackHub, stopped: Path) -> None:
        journal = stopped.with_name("rows.jsonl.journal")
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join([*lines[:2], b"{}\n", *lines[2:]]))
        run = batch(hub, stopped, "--author", "many", "--resume", code=2)
        assert "line 3 is not one of a journal" in run.stderr

    def test_other_options_are_refused_and_named(self, hub: LoopbackHub, stopped: Path) -> None:
        run = batch(hub, stopped, "--author", "many", "--limit", "3", "--resume", code=2)
        assert "limit None then, 3 now" in run.stderr
        run = batch(hub, stopped, "--author", "many", "--scope", "checkpoint", "--resume", code=2)
        assert "scope 'auto' then, 'checkpoint' now" in run.stderr
        run = batch(hub, stopped, "-", "--resume", stdin="many/00001", code=2)
        assert "search: one then, none now" in run.stderr
        assert len(run.stderr.splitlines()) == 1

    def test_another_version_is_refused(self, hub: LoopbackHub, stopped: Path) -> None:
        journal = stopped.with_name("rows.jsonl.journal")
        journal.write_bytes(journal.read_bytes().replace(b'"memscan":"', b'"memscan":"9', 1))
        run = batch(hub, stopped, "--author", "many", "--resume", code=2)
        assert "was written by memscan '9" in run.stderr

    def test_another_hub_is_refused(self, hub: LoopbackHub, stopped: Path) -> None:
        with LoopbackHub(small(5)) as other:
            run = batch(other, stopped, "--author", "many", "--resume", code=2)
        assert f"endpoint '{hub.endpoint}' then, '{other.endpoint}' now" in run.stderr

    def test_options_that_change_no_row_may_differ(self, hub: LoopbackHub, stopped: Path) -> None:
        args = ["--author", "many", "--resume", "--retry-failed", "--concurrency", "2", "--no-cache"]
        batch(hub, stopped, *args)

    def test_a_journal_that_is_there_is_not_written_over(self, hub: LoopbackHub, stopped: Path) -> None:
        run = batch(hub, stopped, "--author", "many", code=2)
        assert "--resume goes on with it" in run.stderr

    def test_a_job_that_is_finished_is_not_begun_anew_by_resume(self, hub: LoopbackHub, tmp_path: Path) -> None:
        batch(hub, tmp_path / "rows.csv", "--author", "many", "--resume")
        run = batch(hub, tmp_path / "rows.csv", "--author", "many", "--resume", code=2)
        assert "is finished" in run.stderr
        batch(hub, tmp_path / "rows.csv", "--author", "many")

    def test_two_cannot_write_one_journal(self, hub: LoopbackHub, stopped: Path) -> None:
        import fcntl  # the lock is there where the platform has it: on Linux, which CI runs

        with stopped.with_name("rows.jsonl.journal").open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            run = batch(hub, stopped, "--author", "many", "--resume", code=2)
        assert "another memscan is writing" in run.stderr


def test_targets_that_came_and_went_since_are_read_and_left_out(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add_repositories(small(4))
    hub.add_fault(Fault(match="hub .*many/00001", kind="reset"))
    output = tmp_path / "rows.jsonl"
    batch(hub, output, "-", stdin="many/00000\nmany/00001\n", code=4)
    batch(hub, output, "-", "--resume", stdin="many/00003\nmany/00000\n")
    assert [row["requested"] for row in rows(output)] == ["many/00003", "many/00000"]


def test_a_search_whose_page_is_gone_lists_what_is_left_of_it(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add_repositories(small(3))
    output = tmp_path / "rows.jsonl"
    hub.add_fault(Fault(match="hub .*many/00002", kind="reset"))
    batch(hub, output, "--author", "many", code=4)
    hub.clear_faults()
    hub.add_fault(Fault(match="hub /api/models\\?", kind="status", status=400))
    batch(hub, output, "--author", "many", "--resume", "--retry-failed")
    assert [row["total_size"] for row in rows(output)] == [4, 8, 12]
