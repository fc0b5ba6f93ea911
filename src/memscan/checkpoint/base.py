"""A checkpoint: the tensors that a set of files stores, whatever model they belong to."""

from collections.abc import Mapping
from dataclasses import dataclass

from memscan.note import Note
from memscan.tensor import TensorInfo


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
    """All that a set of weight files stores."""

    format: str
    shards: tuple[Shard, ...]
    tensors: tuple[TensorInfo, ...]
    """Each name once, in the order of the files and of the bytes in them."""
    notes: tuple[Note, ...] = ()

    @property
    def nbytes(self) -> int:
        """The sum of the tensors' bytes, as the headers state them."""
        return sum(tensor.nbytes for tensor in self.tensors)

    def by_dtype(self) -> Mapping[str, tuple[TensorInfo, ...]]:
        """The tensors by the name of their dtype, the dtype with the most bytes first."""
        groups: dict[str, list[TensorInfo]] = {}
        for tensor in self.tensors:
            groups.setdefault(tensor.dtype.name, []).append(tensor)
        weights = {name: sum(tensor.nbytes for tensor in group) for name, group in groups.items()}
        return {name: tuple(groups[name]) for name in sorted(groups, key=lambda name: (-weights[name], name))}
