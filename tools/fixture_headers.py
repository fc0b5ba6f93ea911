"""Write safetensors headers without their data.

A fixture keeps the first ``8 + N`` bytes of a safetensors file: a little-endian u64 ``N`` and ``N`` bytes of JSON.
The layout follows the serializer of safetensors 0.8, so that the bytes are those the library would have written.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

# In the order of the serializer's own enumeration: tensors are stored from the last of these to the first, which
# puts the widest first and so keeps every tensor aligned.
BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
RANK = {dtype: rank for rank, dtype in enumerate(BITS)}
FORMAT: Mapping[str, str] = {"format": "pt"}
INDEX_NAME = "model.safetensors.index.json"


@dataclass(frozen=True)
class Spec:
    """What a header says of one tensor, apart from its place."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """Elements; a scalar has one."""
        return prod(self.shape)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        bits = self.elements * BITS[self.dtype]
        if bits % 8:
            raise ValueError(f"{self} does not end on a byte")
        return bits // 8


Tensors = dict[str, Spec]


def header(tensors: Mapping[str, Spec], metadata: Mapping[str, str] | None = FORMAT) -> bytes:
    """The length and the JSON, padded with spaces so that the data starts at a multiple of eight."""
    fields: dict[str, object] = {} if metadata is None else {"__metadata__": dict(metadata)}
    end = 0
    for name, spec in sorted(tensors.items(), key=lambda item: (-RANK[item[1].dtype], item[0])):
        begin, end = end, end + spec.size
        fields[name] = {"dtype": spec.dtype, "shape": list(spec.shape), "data_offsets": [begin, end]}
    body = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    body += b" " * (-len(body) % 8)
    return len(body).to_bytes(8, "little") + body


def total_bytes(tensors: Mapping[str, Spec]) -> int:
    """Bytes of the data section."""
    return sum(spec.size for spec in tensors.values())


def total_elements(tensors: Mapping[str, Spec], dtypes: Iterable[str] | None = None) -> int:
    """Elements, of the given dtypes only if any are given."""
    wanted = set(BITS) if dtypes is None else set(dtypes)
    return sum(spec.elements for spec in tensors.values() if spec.dtype in wanted)


def plan_shards(tensors: Tensors, max_bytes: int) -> list[Tensors]:
    """Fill shards in the order of the state dict, as transformers and huggingface_hub do."""
    shards: list[Tensors] = [{}]
    filled = 0
    for name, spec in tensors.items():
        if shards[-1] and filled + spec.size > max_bytes:
            shards.append({})
            filled = 0
        shards[-1][name] = spec
        filled += spec.size
    return shards


def by_weight_map(tensors: Tensors, weight_map: Mapping[str, str]) -> dict[str, Tensors]:
    """Lay the tensors out as a published index does; both must name the same tensors."""
    if differing := set(tensors) ^ set(weight_map):
        raise ValueError(f"the index and the model differ in {sorted(differing)[:5]}")
    files: dict[str, Tensors] = {file: {} for file in sorted(set(weight_map.values()))}
    for name, file in weight_map.items():
        files[file][name] = tensors[name]
    return files


def number_shards(shards: Sequence[Tensors], pattern: str = "model-{:05d}-of-{:05d}.safetensors") -> dict[str, Tensors]:
    """Name shards, counting from one."""
    return {pattern.format(number, len(shards)): shard for number, shard in enumerate(shards, 1)}


def write_heads(folder: Path, files: Mapping[str, Tensors], metadata: Mapping[str, str] | None = FORMAT) -> None:
    """Write one ``.head`` a file, and remove those of an earlier run that no longer belong."""
    for old in folder.rglob("*.head"):
        old.unlink()
    for file, tensors in files.items():
        (folder / f"{file}.head").write_bytes(header(tensors, metadata))


def write_index(folder: Path, files: Mapping[str, Tensors]) -> None:
    """Write the index of a sharded checkpoint, sorted by name as transformers writes it."""
    weight_map = {name: file for file, tensors in files.items() for name in tensors}
    size = sum(total_bytes(tensors) for tensors in files.values())
    content = {"metadata": {"total_size": size}, "weight_map": dict(sorted(weight_map.items()))}
    write_json(folder / INDEX_NAME, content)


def write_json(path: Path, content: object) -> None:
    """Write JSON as the Hub's files have it: two spaces, a newline at the end."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")
