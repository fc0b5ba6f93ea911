"""Where `memscan batch` writes: nothing that is there is destroyed but an answer before."""

import os
import stat
from threading import Thread

import pytest


@pytest.fixture
def targets(checkpoint, tmp_path):
    """A file with one target."""
    path = tmp_path / "targets.csv"
    path.write_text(f"{checkpoint('a.weight')}\n")
    return path


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "", "-"])
def test_what_is_no_name_for_an_answer(memscan, targets, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir()), (tmp_path / "model.safetensors").read_bytes()
    code, out, err = memscan("batch", targets, "-o", name, "--format", "csv")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert (sorted(tmp_path.iterdir()), (tmp_path / "model.safetensors").read_bytes()) == before


def test_the_file_of_the_targets(memscan, targets):
    before = targets.read_bytes()
    code, _, err = memscan("batch", targets, "-o", targets.parent / "." / targets.name)
    assert code == 2
    assert "holds the targets" in err
    assert targets.read_bytes() == before


def test_a_pipe_stays_one(memscan, targets, tmp_path):
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    assert memscan("batch", targets, "-o", pipe)[0] == 0
    reader.join(timeout=20)
    assert read[0].count("\n") == 2
    assert stat.S_ISFIFO(pipe.stat().st_mode)
