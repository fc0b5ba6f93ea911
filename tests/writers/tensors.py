"""Tensors, checkpoints and models built by hand, without any file."""

from collections.abc import Iterable, Mapping, Sequence

from memscan.architecture import Config
from memscan.checkpoint import Checkpoint, Shard
from memscan.document import Document
from memscan.dtype import SAFETENSORS, unknown
from memscan.model import Model, Origin
from memscan.tensor import TensorInfo

from . import safetensors


def tensor(name: str, shape: Sequence[int] = (1,), dtype: str = "F32", *, nbytes: int | None = None) -> TensorInfo:
    """One tensor; `nbytes` only where the dtype is not known."""
    size = safetensors.nbytes(dtype, shape) if nbytes is None else nbytes
    return TensorInfo(name=name, dtype=SAFETENSORS.get(dtype) or unknown(dtype), shape=tuple(shape), offset=0, nbytes=size)


def model(
    tensors: Iterable[TensorInfo], *, library: str | None = "transformers", config: Mapping[str, object] | None = None
) -> Model:
    """A model of one file that stores `tensors`."""
    stored = tuple(tensors)
    shard = Shard(path="model.safetensors", size=8 + sum(each.nbytes for each in stored), tensors=len(stored))
    return Model(
        origin=Origin(requested="here", name="here", library=library),
        checkpoint=Checkpoint(format="safetensors", shards=(shard,), tensors=stored),
        config=None if config is None else Config(Document("config.json", config)),
    )
