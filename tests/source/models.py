"""The checkpoints and repositories that these tests read, small but for what a test is about."""

import json
from collections.abc import Iterable
from pathlib import Path

from tests.hub import Repository, Revision

CONFIG = b'{"architectures": ["BertForMaskedLM"], "model_type": "bert", "torch_dtype": "float32"}'
INDEX = "model.safetensors.index.json"
DEV = "d" * 40
"""The commit of the branch `dev`."""
ELEMENTS = 6
NBYTES = 4 * ELEMENTS
"""Bytes of one tensor, unless a test says otherwise."""


def weights(*names: str, elements: int = ELEMENTS, header: int | None = None) -> bytes:
    """A safetensors file of F32 vectors; spaces make its header `header` bytes long.

    Layout: https://huggingface.co/docs/safetensors (eight bytes of length, JSON, tensors).
    """
    head = _head(names, elements, header)
    return head + bytes(4 * elements * len(names))


def sparse(path: Path, *names: str, elements: int, header: int | None = None) -> Path:
    """The same as a sparse file, for sizes that nobody wants in memory."""
    head = _head(names, elements, header)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + 4 * elements * len(names))
    return path


def _head(names: Iterable[str], elements: int, header: int | None) -> bytes:
    step = 4 * elements
    tensors = {
        name: {"dtype": "F32", "shape": [elements], "data_offsets": [step * place, step * (place + 1)]}
        for place, name in enumerate(names)
    }
    table = json.dumps(tensors).encode()
    assert header is None or header >= len(table)
    table = table.ljust(header or 0)
    return len(table).to_bytes(8, "little") + table


def index(weight_map: dict[str, str], total_size: int | None = None) -> bytes:
    """The index of a sharded checkpoint."""
    metadata = {"total_size": NBYTES * len(weight_map) if total_size is None else total_size}
    return json.dumps({"metadata": metadata, "weight_map": weight_map}).encode()


def shard_names(count: int, pattern: str = "model-{:05}-of-{:05}.safetensors") -> tuple[str, ...]:
    """The usual names of the shards of a checkpoint."""
    return tuple(pattern.format(number, count) for number in range(1, count + 1))


def sharded_files(count: int, pattern: str = "model-{:05}-of-{:05}.safetensors") -> dict[str, bytes | Path]:
    """A checkpoint of `count` shards with a tensor each, its index and its config."""
    places = {f"layer.{number}.weight": shard for number, shard in enumerate(shard_names(count, pattern))}
    return {**{shard: weights(name) for name, shard in places.items()}, INDEX: index(places), "config.json": CONFIG}


def single(repo_id: str = "org/single", file: bytes | Path | None = None, **about: object) -> Repository:
    """A repository with one weight file and a config."""
    files = {"model.safetensors": weights("a", "b") if file is None else file, "config.json": CONFIG}
    return Repository(repo_id=repo_id, files=files, **about)  # type: ignore[arg-type]


def sharded(repo_id: str = "org/sharded", count: int = 2, pattern: str = "model-{:05}-of-{:05}.safetensors") -> Repository:
    """A repository with a sharded checkpoint, on `main` and on the branch `dev`."""
    files = sharded_files(count, pattern)
    return Repository(repo_id=repo_id, files=files, branches={"dev": Revision(commit=DEV, files=files)})
