"""A sharded safetensors checkpoint of any size on disk: headers and an index, and holes where the weights would be."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from pathlib import Path

from tests.writers.safetensors import Spec, framed, nbytes, table

Named = Iterable[tuple[str, Spec]]
METADATA = {"format": "pt"}


def elements(tensors: Named) -> int:
    """How many numbers `tensors` hold in all."""
    return sum(prod(shape) for _, (_, shape) in tensors)


def write_sharded(folder: Path, tensors: Sequence[tuple[str, Spec]], shards: int, *, name: str) -> None:
    """Write `tensors` in their order to `shards` sparse files of nearly the same size, and the index beside them.

    `name` spells a shard's file name from its `number` and their `count`, as `str.format` does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total = sum(nbytes(*spec) for _, spec in tensors)
    weight_map: dict[str, str] = {}
    for number, part in enumerate(_parts(tensors, shards, total), start=1):
        file = name.format(number=number, count=shards)
        weight_map |= dict.fromkeys(part, file)
        _write(folder / file, part)
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2), encoding="utf-8")


def _parts(tensors: Sequence[tuple[str, Spec]], shards: int, total: int) -> Iterator[dict[str, Spec]]:
    """Yield the tensors of each shard: those whose first byte falls into its share of all bytes."""
    part: dict[str, Spec] = {}
    number, start = 0, 0
    for name, spec in tensors:
        if start * shards >= (number + 1) * total:
            yield part
            part, number = {}, number + 1
        part[name] = spec
        start += nbytes(*spec)
    yield part
    if number + 1 != shards:
        raise ValueError(f"the tensors fill {number + 1} shards, not {shards}: one of them is larger than a shard")


def _write(path: Path, tensors: dict[str, Spec]) -> None:
    header = json.dumps(table(tensors, METADATA), separators=(",", ":"))
    header += " " * (-len(header) % 8)  # as the reference writer aligns the data
    head = framed(header)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + sum(nbytes(*spec) for spec in tensors.values()))


def write_config(folder: Path, config: Mapping[str, object]) -> None:
    """Write `config.json`, and what the Hub knows of a repository of transformers."""
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (folder / "repository.json").write_text('{"library": "transformers"}\n', encoding="utf-8")
