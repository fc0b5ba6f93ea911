"""Fixture folders, and the command that serves them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from tests.hub import FIXTURES, LoopbackHub, load_fixtures, materialise

from .client import ask
from .models import CONFIG, weights

HEADER = json.dumps(
    {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F16", "shape": [1024, 1024], "data_offsets": [0, 2 * 1024**2]},
        "b": {"dtype": "F32", "shape": [1024**3], "data_offsets": [2 * 1024**2, 2 * 1024**2 + 4 * 1024**3]},
    }
).encode()


@pytest.fixture
def fixture(tmp_path: Path) -> Path:
    """A fixture folder as it is kept in the repository."""
    place = tmp_path / "fixtures" / "org" / "name"
    (place / "sub").mkdir(parents=True)
    (place / "config.json").write_bytes(CONFIG)
    (place / "model.safetensors.head").write_bytes(len(HEADER).to_bytes(8, "little") + HEADER)
    (place / "sub" / "x.safetensors").write_bytes(weights("c"))
    (place / "repository.json").write_text(json.dumps({"library": "timm", "aliases": ["old"], "commit": "a" * 40}))
    return place


def test_heads_become_sparse_files_of_the_true_size(fixture: Path, tmp_path: Path) -> None:
    target = tmp_path / "whole"
    materialise(fixture, target)
    path = target / "model.safetensors"
    assert path.stat().st_size == 8 + len(HEADER) + 2 * 1024**2 + 4 * 1024**3
    with path.open("rb") as file:
        assert file.read(8 + len(HEADER)) == (fixture / "model.safetensors.head").read_bytes()
        assert not any(file.read(1000))
    assert not (target / "model.safetensors.head").exists()
    assert (target / "sub" / "x.safetensors").read_bytes() == weights("c")


def test_a_head_that_is_not_whole_is_refused(fixture: Path, tmp_path: Path) -> None:
    (fixture / "model.safetensors.head").write_bytes(b"\xff" + bytes(7) + b"{}")
    with pytest.raises(ValueError, match="its header says"):
        materialise(fixture, tmp_path / "whole")


def test_fixtures_are_served_as_their_description_says(fixture: Path, tmp_path: Path) -> None:
    materialise(fixture, tmp_path / "hub" / "org" / "name")
    (repository,) = load_fixtures(tmp_path / "hub")
    assert "repository.json" not in repository.files
    with LoopbackHub([repository]) as hub:
        info = HfApi(endpoint=hub.endpoint, token=False).model_info("old")
    assert (info.id, info.library_name, info.sha) == ("org/name", "timm", "a" * 40)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command of this package."""
    command = [sys.executable, "-m", "tests.hub", *arguments]
    return subprocess.run(command, cwd=FIXTURES.parents[1], capture_output=True, text=True, timeout=60, check=False)


def test_a_command_runs_against_the_fixtures() -> None:
    code = (
        "import os, sys, urllib.request as u\n"
        "assert 'HF_TOKEN' not in os.environ and 'HF_HUB_OFFLINE' not in os.environ\n"
        "print(os.path.basename(os.environ['HF_HOME']))\n"
        "opener = u.build_opener(u.ProxyHandler({}), u.HTTPHandler)\n"
        "try: opener.open(os.environ['HF_ENDPOINT'] + '/api/models/no/where')\n"
        "except u.HTTPError as error: print(error.code); error.close()\n"
        "sys.exit(7)\n"
    )
    done = run("--", sys.executable, "-c", code)
    assert (done.returncode, done.stdout.split(), done.stderr) == (7, ["home", "401"], "")


def test_wrong_use_is_told() -> None:
    assert run("nonsense").returncode == 2
    assert run().returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal that a process can answer")
def test_serving_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "-m", "tests.hub", "serve", "--latency", "0.001"]
    with subprocess.Popen(command, cwd=FIXTURES.parents[1], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        endpoint = process.stdout.readline().strip()
        assert ask(f"{endpoint}/api/models/no/where").status == 401
        process.terminate()
        assert process.wait(10) == 0
