"""What a method took of a dense model, written out tensor by tensor."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

from memscan.dtype import SAFETENSORS, TORCH, DType, Kind
from memscan.quantizers.base import Dense, Weight
from memscan.tensor import TensorInfo

BFLOAT16 = frozenset({"BF16", "bfloat16"})
TORCH_NAMES = frozenset(TORCH)


def half(weight: Weight) -> DType:
    """float16, in the spelling of the dtype that it replaces."""
    return TORCH["float16"] if weight.dtype.name in TORCH_NAMES else SAFETENSORS["F16"]


def single(weight: Weight) -> DType:
    """float32, in the spelling of the dtype that it replaces."""
    return TORCH["float32"] if weight.dtype.name in TORCH_NAMES else SAFETENSORS["F32"]


def biases(dense: Dense, modules: Collection[str]) -> Iterator[Weight]:
    """The biases of `modules`."""
    for weight in dense.weights:
        module, _, leaf = weight.name.rpartition(".")
        if leaf == "bias" and module in modules and weight.dtype.kind is Kind.FLOAT:
            yield weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The tensors that a method changes; the others stay as they are held."""

    packed: Mapping[str, int]
    """Bytes of each weight that it quantizes, with all that goes with it."""
    extra: Mapping[str, int] = field(default_factory=dict)
    """Bytes that it adds to a weight which it leaves unquantized all the same."""
    cast: Mapping[str, DType] = field(default_factory=dict)
    """What it holds another tensor in."""

    def tensors(self, dense: Dense, name: str) -> tuple[TensorInfo, ...]:
        """The tensors of `dense` after the method `name`."""
        dtype = DType(name, Kind.QUANTIZED, 1, 0)
        return tuple([self._tensor(weight, dtype) for weight in dense.weights])

    def _tensor(self, weight: Weight, dtype: DType) -> TensorInfo:
        nbytes = self.packed.get(weight.name)
        if nbytes is None:
            cast = self.cast.get(weight.name)
            dtype = cast or weight.dtype
            nbytes = weight.nbytes if cast is None else cast.packed_nbytes(prod(weight.shape))
            nbytes += self.extra.get(weight.name, 0)
        return TensorInfo(name=weight.name, dtype=dtype, shape=weight.shape, offset=0, nbytes=nbytes, buffer=weight.buffer)
