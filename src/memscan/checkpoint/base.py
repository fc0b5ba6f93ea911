"""A checkpoint: the tensors that a set of files stores, whatever model they belong to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from memscan.note import Note
from memscan.tensor import TensorInfo, nbytes_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One file of a checkpoint."""

    path: str
    size: int
    """Bytes of the whole file, its header included."""
    tensors: int
    """How many tensors it stores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """All that a set of weight files stores. Its repr leaves out the tensors, of which there may be half a million."""

    format: str
    shards: tuple[Shard, ...]
    tensors: tuple[TensorInfo, ...] = field(repr=False)
    """Each name and each byte once, in the order of the files and of the bytes in them."""
    tied: tuple[TensorInfo, ...] = field(default=(), repr=False)
    """Tensors that share their bytes with one of `tensors`; not counted."""
    optimizer: tuple[TensorInfo, ...] = field(default=(), repr=False)
    """The state of a training run that the files hold beside the weights; not counted."""
    metadata: Mapping[str, object] = field(default_factory=dict, repr=False)
    """The free-form values of the first file's header: GGUF keys, safetensors' strings."""
    notes: tuple[Note, ...] = ()

    @property
    def nbytes(self) -> int:
        """The sum of the tensors' bytes, as the headers state them."""
        return nbytes_of(self.tensors)

    def by_dtype(self) -> Mapping[str, tuple[TensorInfo, ...]]:
        """The tensors by the name of their dtype, the dtype with the most bytes first."""
        groups: dict[str, list[TensorInfo]] = {}
        for tensor in self.tensors:
            groups.setdefault(tensor.dtype.name, []).append(tensor)
        weights = {name: sum(tensor.nbytes for tensor in group) for name, group in groups.items()}
        return {name: tuple(groups[name]) for name in sorted(groups, key=lambda name: (-weights[name], name))}
