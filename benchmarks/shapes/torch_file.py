"""bert-base-cased as `torch.save` writes it: one archive, its pickle first, and a hole for each storage of zeros."""

import io
import json
import zipfile
from pathlib import Path
from typing import BinaryIO

from tests.hub import FIXTURES
from tests.writers.safetensors import nbytes
from tests.writers.torch import dumps, ordered, tensor

from benchmarks.shapes.sharded import write_config

REPO_ID = "benchmarks/bert-base-cased-bin"
FIXTURE = FIXTURES / "google-bert" / "bert-base-cased"
DTYPES = {"F32": "float32"}


def write(folder: Path) -> None:
    """Write the repository: the tensors and the config are the fixture's."""
    header = json.loads((FIXTURE / "model.safetensors.head").read_bytes()[8:])
    header.pop("__metadata__", None)
    state, storages = {}, {}
    for key, (name, entry) in enumerate(header.items()):
        state[name] = tensor(str(key), entry["shape"], DTYPES[entry["dtype"]])
        storages[str(key)] = nbytes(entry["dtype"], entry["shape"])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "pytorch_model.bin").open("wb") as file:
        _write(_Holes(file), dumps(ordered(state)), storages)
    write_config(folder, json.loads((FIXTURE / "config.json").read_bytes()))


def _write(file: "_Holes", pickle: bytes, storages: dict[str, int]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickle)
        archive.writestr("archive/byteorder", "little")
        for key, length in storages.items():
            archive.writestr(f"archive/data/{key}", bytes(length))
        archive.writestr("archive/version", "3\n")


class _Holes(io.RawIOBase):
    """Writes a file, and leaves holes where long runs of zeros would be; cannot seek, so that sizes follow their entries."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if len(data) < 4096 or any(data):
            self._file.seek(self._at)
            self._file.write(data)
        self._at += len(data)
        return len(data)
