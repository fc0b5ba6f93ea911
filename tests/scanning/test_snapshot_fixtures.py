"""Snapshots of real repositories: every command in every format says the same without the Hub, and they are small."""

from pathlib import Path

import pytest

import memscan as library
from tests.hub import FIXTURES, LoopbackHub, materialise
from tests.hub.materialise import load_fixtures
from tests.runner import run_memscan

from .snapshot_runs import every_command, fit, runner, says_the_same

NAMES = sorted(f"{place.parent.name}/{place.name}" for place in FIXTURES.glob("*/*"))
BERT, GPT2 = "google-bert/bert-base-cased", "openai-community/gpt2"
# Bytes. What is kept of the largest, names and places of 18,867 tensors, has 4,100,000 before it is compressed.
MOST = {"Qwen/Qwen3-30B-A3B": 300_000}
SMALL = 30_000


def serve(hub: LoopbackHub, folder: Path, *names: str) -> None:
    for name in names:
        materialise(FIXTURES / name, folder / name)
    for repository in load_fixtures(folder):
        hub.add_repository(repository)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_and_format_says_the_same(hub: LoopbackHub, tmp_path: Path, capsys, name: str) -> None:
    serve(hub, tmp_path / "hub", name)
    # Of the largest one format: that the reports are the same values is tested below, and formats are made of them alone.
    runs = every_command(("json",)) if name in MOST else (*every_command(), *(fit() if name == BERT else ()))
    says_the_same(runner(capsys), hub, name, tmp_path / "it.memscan", tuple(runs))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_and_the_same_twice(hub: LoopbackHub, tmp_path: Path, name: str) -> None:
    serve(hub, tmp_path / "hub", name)
    first = library.snapshot(name, tmp_path / "first.memscan", cache=False).read_bytes()
    assert library.snapshot(name, tmp_path / "second.memscan", cache=False).read_bytes() == first
    assert len(first) < MOST.get(name, SMALL)
    hub.reset()
    # A snapshot of a snapshot is the snapshot.
    assert library.snapshot(tmp_path / "first.memscan", tmp_path / "third.memscan", cache=False).read_bytes() == first


@pytest.mark.parametrize("name", NAMES)
def test_the_report_is_the_same_value(hub: LoopbackHub, tmp_path: Path, name: str) -> None:
    serve(hub, tmp_path / "hub", name)
    path = library.snapshot(name, tmp_path / "it.memscan", cache=False)
    assert library.scan(path) == library.scan(name, cache=False)


def test_diff_says_the_same(hub: LoopbackHub, tmp_path: Path, capsys) -> None:
    serve(hub, tmp_path / "hub", BERT, GPT2)
    memscan = runner(capsys)
    paths = {name: library.snapshot(name, tmp_path / f"{name[:2]}.memscan", cache=False) for name in (BERT, GPT2)}
    for output in ("table", "json", "markdown", "csv"):
        words = ("--format", output, "--top", "50")
        assert memscan("diff", *paths.values(), *words) == memscan("diff", BERT, GPT2, *words)
        assert memscan("diff", paths[BERT], BERT, *words) == memscan("diff", BERT, BERT, *words)


@pytest.mark.parametrize("name", [BERT, "bigscience/bloom"])
def test_check_finds_the_same(hub: LoopbackHub, tmp_path: Path, capsys, name: str) -> None:
    serve(hub, tmp_path / "hub", name)
    memscan = runner(capsys)
    path = library.snapshot(name, tmp_path / "it.memscan", cache=False)
    for what in ("total", "largest-layer", "inference", "training"):
        words = ("--max-memory", "8GB", "--what", what, "--format", "github")
        found, expected = memscan("check", path, *words), memscan("check", name, *words)
        # A gate names its targets by the words of who set the limits.
        assert (found.code, found.out.replace(str(path), name)) == (expected.code, expected.out)


def test_nothing_can_be_reached(hub: LoopbackHub, tmp_path: Path) -> None:
    serve(hub, tmp_path / "hub", BERT)
    path = library.snapshot(BERT, tmp_path / "bert.memscan", cache=False)
    expected = run_memscan(hub, BERT, "--json")
    for options in ((), ("--offline",)):
        assert run_memscan(None, path.name, "--json", *options, env={"HOME": str(tmp_path)}, cwd=tmp_path) == expected


def test_nothing_of_huggingface_hub_is_imported(hub: LoopbackHub, tmp_path: Path) -> None:
    serve(hub, tmp_path / "hub", BERT)
    path = library.snapshot(BERT, tmp_path / "bert.memscan", cache=False)
    code = f"import sys, memscan; memscan.scan({str(path)!r}); sys.exit('huggingface_hub' in sys.modules)"
    assert _python(code) == 0


def _python(code: str) -> int:
    import subprocess
    import sys

    return subprocess.run([sys.executable, "-c", code], check=False).returncode
