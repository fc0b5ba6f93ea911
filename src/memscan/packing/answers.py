"""What each weight's stored tensors are together, asked once for all weights that are stored alike."""

from collections.abc import Mapping
from dataclasses import dataclass

from memscan.architecture import Quantization
from memscan.dtype import DType, Kind
from memscan.packing.base import ITSELF, Group, Hidden, Layout, Logical, Stored, is_packed_dtype, item_bits
from memscan.packing.schemes import Schemes
from memscan.tensor import TensorInfo

INDICES = frozenset({"position_ids", "token_type_ids", "relative_position_index", "tid2eid"})
"""Integer matrices that are no weights; `tid2eid` are the experts of each token in DeepSeek-V4's first layers."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One packed weight."""

    dtype: DType
    """Named after the method and its bits; it sizes nothing."""
    shape: tuple[int, ...]
    nbytes: int
    """Of all its stored tensors."""


class Answers:
    """The answers for one checkpoint; layers repeat each other, so there are few different ones."""

    def __init__(self, layout: Layout, quantization: Quantization, schemes: Schemes, metadata: Mapping[str, object]) -> None:
        """Prepare for the weights of one checkpoint, whose header has `metadata`."""
        self._layout = layout
        self._quantization = quantization
        self._tiers = schemes.tiers
        self._has_fp4 = quantization.fp4_experts
        self._metadata = metadata
        self._known: dict[object, tuple[Answer | None]] = {}

    def of(self, name: str, members: Group) -> Answer | Hidden | None:
        """The packed weight that `members` are; None where each stands for itself."""
        tiers, said, fp4 = self._tiers(name), None, False
        if self._metadata and isinstance(word := self._metadata.get(name), str):
            said = word
        if self._has_fp4:
            fp4 = ".experts." in name and "shared_experts" not in name
        stored: list[object] = [id(tiers), said, fp4]
        for role, one in members.items():
            stored += (role, one.dtype.name, one.shape, one.nbytes)
        alike = tuple(stored)
        known = self._known.get(alike)
        if known is not None:
            return known[0]
        weight = Stored(name=name, members=members, quantization=self._quantization, tiers=tiers, is_fp4=fp4, said=said)
        found = _logical(self._layout, weight)
        if isinstance(found, Hidden):
            return found
        answer = None if found is None else self._answer(found, members)
        self._known[alike] = (answer,)
        return answer

    def _answer(self, found: Logical, members: Group) -> Answer:
        dtype = DType(f"{self._quantization.method}-{found.bits}bit", Kind.QUANTIZED, 1, 0)
        return Answer(dtype, found.shape, sum(tensor.nbytes for tensor in members.values()))


def _logical(layout: Layout, weight: Stored) -> Logical | Hidden | None:
    mains = [role for role in dict.fromkeys((ITSELF, *layout.mains)) if role in weight.members and weight.members[role].elements]
    if len(mains) > 1:
        return weight.hidden("it is stored twice, packed and whole")
    if not mains:
        return None
    main = weight.members[mains[0]]
    found = layout.unpack(weight, main) if mains[0] in layout.mains else None
    if found is None and is_suspect(main):
        return weight.hidden(f"no layout of {weight.quantization.method} that memscan knows")
    return found


def is_suspect(tensor: TensorInfo) -> bool:
    """Whether a tensor alone may be a packed weight: bytes or words in a matrix, and not the indices that models keep."""
    if not is_packed_dtype(tensor):
        return False
    is_matrix = len(tensor.shape) in (2, 3) and item_bits(tensor) <= 32 and tensor.elements > 0
    return is_matrix and tensor.name.rpartition(".")[2] not in INDICES
