"""Real header bytes for the repositories of these tests, and what a scan of one says."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from memscan.estimate import Report
from memscan.scanning import scan
from tests.hub import LoopbackHub, Repository
from tests.writers import safetensors
from tests.writers.gguf import STRING, UINT32, Tensor, Writer
from tests.writers.torch import Sparse, archive, dumps, legacy, ordered, tensor

CONFIG = b'{"architectures": ["OwnForCausalLM"], "model_type": "own"}'  # no class of transformers: these tests are about files
SHAPES = {
    "model.embed.weight": (10, 4),
    "model.layers.0.weight": (4, 4),
    "model.layers.1.weight": (4, 4),
    "lm_head.weight": (10, 4),
}
"""A small model."""
ELEMENTS = 112
QUANTIZED = {"F32": (0, 1, 4), "F16": (1, 1, 2), "Q8_0": (8, 32, 34), "Q4_K_M": (12, 256, 144), "BF16": (30, 1, 2)}
"""Number of ggml's type, elements and bytes of its block; `Q4_K_M` stands for its main one."""


def safe(shapes: Mapping[str, Sequence[int]] = SHAPES, dtype: str = "F32") -> bytes:
    """A safetensors file."""
    return safetensors.write({name: (dtype, shape) for name, shape in shapes.items()})


def state(shapes: Mapping[str, Sequence[int]] = SHAPES, dtype: str = "float32", first: int = 0) -> dict[str, object]:
    """A state dict, each tensor with a storage of its own, numbered from `first`."""
    return {name: tensor(str(number), shape, dtype) for number, (name, shape) in enumerate(shapes.items(), start=first)}


def torch_zip(shapes: Mapping[str, Sequence[int]] = SHAPES) -> bytes:
    """A file of torch.save, float32."""
    sizes = {str(number): safetensors.nbytes("F32", shape) for number, shape in enumerate(shapes.values())}
    return archive(dumps(ordered(state(shapes))), sizes)


def torch_legacy(shapes: Mapping[str, Sequence[int]] = SHAPES) -> bytes:
    """The same as torch wrote it before 1.6."""
    counts = {str(number): ("float32", safetensors.nbytes("U8", shape)) for number, shape in enumerate(shapes.values())}
    return legacy(dumps(ordered(state(shapes))), counts)


def torch_sparse(path: Path, shapes: Mapping[str, Sequence[int]]) -> Path:
    """A file of torch.save of the true size, whose storages take no room."""
    head = archive(dumps(ordered(state(shapes))), {})
    size = len(head) + sum(safetensors.nbytes("F32", shape) for shape in shapes.values())
    return on_disk(path, Sparse(((0, head),), size))


def on_disk(path: Path, file: Sparse) -> Path:
    """`file`, sparse on the disk too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        for place, part in file.parts:
            out.seek(place)
            out.write(part)
        out.truncate(file.size)
    return path


def gguf(
    kind: str = "Q8_0", *, order: str = "<", tied: bool = False, names: Sequence[str] = (), architecture: str = "llama"
) -> bytes:
    """A GGUF file of a small llama, its matrices of type `kind`; only the tensors in `names`, if there are any."""
    number, block, nbytes = QUANTIZED[kind]
    matrices = ["token_embd.weight", "blk.0.attn_q.weight", "blk.1.attn_q.weight", *([] if tied else ["output.weight"])]
    chosen = [name for name in matrices if not names or name in names]
    tensors = [Tensor(name, (256, 4), number, 256 * 4 // block * nbytes) for name in chosen]
    if not names:
        tensors.append(Tensor("output_norm.weight", (256,), 0, 1024))
    keys = [("general.architecture", STRING, architecture), ("llama.block_count", UINT32, 2)]
    return Writer(order=order).file(keys, tensors)


def gguf_bytes(kind: str, matrices: int = 4) -> int:
    """The bytes of the tensors of such a file."""
    _, block, nbytes = QUANTIZED[kind]
    return matrices * (256 * 4 // block * nbytes) + 1024


def index(shards: Mapping[str, Sequence[str]]) -> bytes:
    """An index whose shards hold the tensors of SHAPES that are named."""
    total = sum(safetensors.nbytes("F32", SHAPES[name]) for names in shards.values() for name in names)
    places = {name: shard for shard, names in shards.items() for name in names}
    return json.dumps({"metadata": {"total_size": total}, "weight_map": places}).encode()


def halves(pattern: str) -> dict[str, tuple[str, ...]]:
    """The tensors of SHAPES in two shards."""
    names = tuple(SHAPES)
    return {pattern.format(1): names[:2], pattern.format(2): names[2:]}


def shard(names: Sequence[str]) -> dict[str, Sequence[int]]:
    """The shapes of one of them."""
    return {name: SHAPES[name] for name in names}


def scanned(hub: LoopbackHub, files: Mapping[str, bytes | Path], **options: object) -> Report:
    """The report on a repository of `files`."""
    hub.add_repository(Repository(repo_id="org/name", files={"config.json": CONFIG, **files}, library="transformers"))
    return scan("org/name", **options)  # type: ignore[arg-type]


def read_files(report: Report) -> list[str]:
    """The files that were read."""
    return [each.path for each in report.model.checkpoint.shards]


def codes(report: Report) -> list[str]:
    """The codes of all notes."""
    return [note.code for note in report.notes]


def message(report: Report, code: str) -> str:
    """The message of the one note of this code."""
    (found,) = [note.message for note in report.notes if note.code == code]
    return found


def cost(hub: LoopbackHub) -> tuple[int, int]:
    """Requests to the CDN, and bytes sent by both origins."""
    return sum(record.origin == "cdn" for record in hub.requests), sum(record.body_bytes for record in hub.requests)
