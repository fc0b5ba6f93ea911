"""Checkpoints of packed weights, from shapes alone."""

from collections.abc import Iterable, Mapping, Sequence

from memscan.architecture import Quantization
from memscan.checkpoint import Checkpoint, Shard, is_buffer
from memscan.packing import Unpacked, unpack
from memscan.tensor import TensorInfo
from tests.writers.tensors import tensor

Table = Mapping[str, tuple[str, Sequence[int]]]
"""Dtype and shape by name."""


def checkpoint(stored: Table, metadata: Mapping[str, object] | None = None) -> Checkpoint:
    tensors = tuple(tensor(name, shape, dtype) for name, (dtype, shape) in stored.items())
    shard = Shard(path="model.safetensors", size=8 + sum(one.nbytes for one in tensors), tensors=len(tensors))
    return Checkpoint(format="safetensors", shards=(shard,), tensors=tensors, metadata=metadata or {})


def unpacked(stored: Table, config: Mapping[str, object], metadata: Mapping[str, object] | None = None) -> Unpacked:
    """What `unpack` makes of `stored`; its bytes are compared in passing, for they have to agree always."""
    whole = checkpoint(stored, metadata)
    found = unpack(whole, Quantization.parse(config))
    assert sum(one.nbytes for one in found.tensors) == whole.nbytes
    return found


def parameters(tensors: Iterable[TensorInfo]) -> int:
    return sum(one.elements for one in tensors if not is_buffer(one))
