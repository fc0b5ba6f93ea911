"""What goes wrong is a row, or one line before anything is read; never a traceback, never the end of the others."""

import csv
import sys
from pathlib import Path

import pytest

from tests.batch.batches import batch, rows, small
from tests.hub import Fault, LoopbackHub, RateLimits, Repository
from tests.layouts.files import safe
from tests.runner import run_memscan


def test_each_failure_is_a_row_with_its_code(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add_repositories(small(1))
    hub.add_repository(Repository(repo_id="org/gated", files={"model.safetensors": safe()}, gated="manual"))
    hub.add_repository(Repository(repo_id="org/torn", files={"model.safetensors": safe()[:-1]}))
    hub.add_repository(Repository(repo_id="org/bare", files={"README.md": b""}))
    hub.add_repository(Repository(repo_id="org/down", files={"model.safetensors": safe()}))
    hub.add_fault(Fault(match="org/down", kind="reset"))
    words = ["many/00000", "org/nowhere", "org/gated", "org/torn", "org/bare", "org/down", "a b", "ftp://x/y", "./no/such/folder"]
    run = batch(hub, tmp_path / "rows.jsonl", "-", stdin="\n".join(words), code=5)
    found = rows(tmp_path / "rows.jsonl")
    assert [row["requested"] for row in found] == words
    assert [(row["exit_code"], row["error"]) for row in found] == [
        (0, None), (3, "NotFoundError"), (3, "GatedError"), (5, "FormatError"), (3, "NoWeightsError"), (4, "UnreachableError"),
        (2, "UsageError"), (2, "UsageError"), (3, "NotFoundError"),
    ]  # fmt: skip
    assert {row["status"] for row in found[1:]} == {"failed"}
    assert all(row["message"] and "\n" not in str(row["message"]) for row in found[1:])
    assert len(run.stderr.splitlines()) == 1
    assert (
        "9 rows, 8 of them failed (2 with exit code 2, 4 with exit code 3, 1 with exit code 4, 1 with exit code 5)" in run.stderr
    )
    assert run.stderr.endswith("; --resume --retry-failed reads again what the network failed for\n")


def test_a_network_that_fails_for_a_while_is_tried_again(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add_repositories(small(3))
    hub.add_fault(Fault(match="hub /many/00001/resolve.*safetensors", kind="reset", times=3))
    batch(hub, tmp_path / "rows.jsonl", "--author", "many")
    assert [row["exit_code"] for row in rows(tmp_path / "rows.jsonl")] == [0, 0, 0]


def test_the_secret_of_an_address_is_in_no_file(hub: LoopbackHub, tmp_path: Path) -> None:
    address = hub.add_file("model.safetensors", safe()) + "?signature=hunter2"
    hub.add_fault(Fault(match="cdn /files/gone", kind="reset"))
    gone = hub.add_file("gone.safetensors", safe()) + "?signature=hunter3"
    run = batch(hub, tmp_path / "rows.jsonl", "-", stdin=f"{address}\n{gone}\n", code=4)
    journal = (tmp_path / "rows.jsonl.journal").read_text()
    assert "hunter" not in run.stderr + journal + (tmp_path / "rows.jsonl").read_text()
    assert [row["total_size"] for row in rows(tmp_path / "rows.jsonl")] == [448, None]


class TestInput:
    def test_comments_and_empty_lines_are_left_out_and_repetitions_are_said(self, hub: LoopbackHub, tmp_path: Path) -> None:
        hub.add_repositories(small(2))
        words = tmp_path / "words.txt"
        words.write_bytes(b"\xef\xbb\xbf# mine\n\nmany/00001\r\n  many/00000  \nmany/00001\n   # more\n")
        run = batch(hub, tmp_path / "rows.jsonl", str(words))
        assert [row["requested"] for row in rows(tmp_path / "rows.jsonl")] == ["many/00001", "many/00000"]
        assert "2 rows, 0 of them failed; 1 repeated targets have one row each" in run.stderr

    def test_nothing_to_read_is_an_empty_file_with_its_columns(self, hub: LoopbackHub, tmp_path: Path) -> None:
        batch(hub, tmp_path / "rows.csv", "-", stdin="# nothing\n")
        assert len((tmp_path / "rows.csv").read_text().splitlines()) == 1
        batch(hub, tmp_path / "rows.parquet", "--author", "nobody")

    def test_a_search_that_is_refused_ends_the_job(self, hub: LoopbackHub, tmp_path: Path) -> None:
        hub.add_fault(Fault(match="hub /api/models\\?", kind="status", status=400))
        run = batch(hub, tmp_path / "rows.csv", "--author", "org", code=3)
        assert "refused the search (HTTP 400" in run.stderr

    def test_a_search_whose_network_fails_for_a_while_goes_on(self, hub: LoopbackHub, tmp_path: Path) -> None:
        hub.add_repositories(small(1))
        hub.add_fault(Fault(match="hub /api/models\\?", kind="reset", times=3))
        batch(hub, tmp_path / "rows.csv", "--author", "many")

    def test_a_search_that_leads_elsewhere_is_not_followed(self, hub: LoopbackHub, tmp_path: Path) -> None:
        hub.add_repositories(small(1))
        link = {"Link": '<http://127.0.0.1:9/api/models?cursor=x>; rel="next"'}
        hub.add_fault(Fault(match="hub /api/models\\?", kind="slow", piece=65536, pause=0.0, headers=link))
        run = batch(hub, tmp_path / "rows.csv", "--author", "many", code=4)
        assert "goes on at 'http://127.0.0.1:9/api/models'" in run.stderr

    @pytest.mark.parametrize(
        ("content", "said"),
        [(b"\xff\xfe", "is not UTF-8 text"), (b"x" * 9000, "line 1 is longer than 8,192 characters")],
    )
    def test_what_is_no_list_of_targets(self, hub: LoopbackHub, tmp_path: Path, content: bytes, said: str) -> None:
        (tmp_path / "words").write_bytes(content)
        assert said in batch(hub, tmp_path / "rows.csv", str(tmp_path / "words"), code=2).stderr


class TestOptions:
    @pytest.mark.parametrize(
        ("args", "said"),
        [
            ([], "nothing to read"),
            (["nowhere.txt"], "cannot read 'nowhere.txt': No such file"),
            (["words.txt", "--author", "org"], "give one of them"),
            (["-", "--retry-failed"], "give --resume with it"),
            (["--author", "org", "--offline"], "a search asks the Hub"),
            (["--author", "org", "--revision", "v1"], "--revision is of targets"),
            (["-", "--offline", "--no-cache"], "give one of them"),
            (["-", "--token", "-"], "both the token and the targets"),
            (["-", "--format", "xlsx"], "xlsx"),
            (["-", "--concurrency", "0"], "concurrency"),
            (["--sort", "names"], "names"),
        ],
    )
    def test_what_makes_no_sense_is_one_line(self, hub: LoopbackHub, tmp_path: Path, args: list[str], said: str) -> None:
        run = batch(hub, tmp_path / "rows.csv", *args, stdin="hf_token\norg/name\n", code=2)
        assert said in run.stderr
        assert len(run.stderr.splitlines()) == 1
        assert hub.requests == ()
        assert list(tmp_path.glob("*.journal")) == []

    @pytest.mark.parametrize(
        ("output", "said"), [("rows.txt", "does not say its format"), ("no/such/rows.csv", "cannot write the journal")]
    )
    def test_an_output_that_cannot_be(self, hub: LoopbackHub, tmp_path: Path, output: str, said: str) -> None:
        assert said in batch(hub, tmp_path / output, "-", code=2).stderr

    def test_parquet_without_pyarrow_is_one_line(self, hub: LoopbackHub, tmp_path: Path) -> None:
        (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['pyarrow'] = None\n")
        path = {"PYTHONPATH": ":".join([str(tmp_path), *filter(None, sys.path)])}
        run = run_memscan(hub, "batch", "-", "-o", str(tmp_path / "rows.parquet"), env=path)
        assert (run.code, len(run.stderr.splitlines())) == (2, 1)
        assert "pip install 'memscan[batch]'" in run.stderr
        assert run_memscan(hub, "batch", "-", "-o", str(tmp_path / "rows.csv"), env=path).code == 0


def test_a_cell_is_no_formula(hub: LoopbackHub, tmp_path: Path) -> None:
    config = b'{"architectures": ["=HYPERLINK(1)"], "model_type": "own"}'
    hub.add_repository(Repository(repo_id="org/odd", files={"model.safetensors": safe(), "config.json": config}))
    batch(hub, tmp_path / "rows.csv", "--author", "org")
    with (tmp_path / "rows.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["architecture"] == "'=HYPERLINK(1)"
    assert (row["total_size"], row["quantization"]) == ("448", "")


def test_a_hub_that_counts_is_never_asked_too_much(tmp_path: Path) -> None:
    """40 repositories, 120 resolvers and a page: with 50 resolvers a window that takes three windows."""
    limits = RateLimits(allowed={"api": 5, "resolvers": 50, "pages": 5}, window=3.0, enforced=True)
    with LoopbackHub(small(40), limits=limits) as hub:
        batch(hub, tmp_path / "rows.jsonl", "--author", "many")
        batch(hub, tmp_path / "names.jsonl", "-", stdin="".join(f"many/{number:05}\n" for number in range(8)))
    assert limits.refused == 0
    assert limits.most["resolvers"] <= 50
    assert limits.most["api"] <= 5
    assert [row["total_size"] for row in rows(tmp_path / "rows.jsonl")] == [4 * (number + 1) for number in range(40)]


def test_a_refusal_that_comes_all_the_same_is_waited_out(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add_repositories(small(3))
    refusal = {"RateLimit": '"resolvers";r=0;t=1', "RateLimit-Policy": '"fixed window";"resolvers";q=3000;w=2'}
    hub.add_fault(Fault(match="hub /many/00001/resolve", kind="status", status=429, times=2, headers=refusal))
    batch(hub, tmp_path / "rows.jsonl", "--author", "many")
    assert [row["exit_code"] for row in rows(tmp_path / "rows.jsonl")] == [0, 0, 0]
