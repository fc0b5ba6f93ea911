"""A folder with the fixtures as repositories, and memscan as a user runs it."""

import json
import struct
from pathlib import Path

import pytest

from memscan.cli.main import run
from tests.hub import FIXTURES, materialise


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> Path:
    """A folder that holds `bert-base-cased`, `resnet50`, `gptq`, `gpt2` and `llama` as folders of checkpoints."""
    root = tmp_path_factory.mktemp("models")
    names = {
        "bert-base-cased": "google-bert/bert-base-cased",
        "resnet50": "timm/resnet50.a1_in1k",
        "gptq": "TheBloke/Llama-2-7B-GPTQ",
        "gpt2": "openai-community/gpt2",
        "llama": "meta-llama/Llama-3.1-8B",
    }
    for name, repository in names.items():
        materialise(FIXTURES / repository, root / name)
    return root


@pytest.fixture
def checkpoint(tmp_path):
    """Writes a checkpoint of given tensor names to a file, each a float32 scalar."""

    def write(*names: str) -> Path:
        table = {name: {"dtype": "F32", "shape": [], "data_offsets": [4 * i, 4 * i + 4]} for i, name in enumerate(names)}
        header = json.dumps(table).encode()
        path = tmp_path / "model.safetensors"
        path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4 * len(names)))
        return path

    return write


@pytest.fixture
def memscan(capsys):
    """Runs memscan in this process: exit code, standard output, standard error."""

    def memscan(*args: object) -> tuple[int, str, str]:
        code = run([str(arg) for arg in args])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return memscan
