"""What a layout is: how a method names the tensors of one weight, and how their shapes tell the weight's own."""

from collections.abc import Callable
from dataclasses import dataclass

from memscan.architecture import Quantization, Scheme
from memscan.document import shown
from memscan.dtype import Kind
from memscan.packing.schemes import Tiers
from memscan.tensor import TensorInfo

Shape = tuple[int, ...]
Group = dict[str, TensorInfo]
"""The stored tensors of one parameter by role."""
ITSELF = ""
"""The role of the tensor that has the parameter's own name."""
EIGHT_BIT_FLOATS = frozenset({
    "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz",
})  # fmt: skip
"""Dtypes of weights; F8_E8M0 is one of scales alone."""


@dataclass(frozen=True, slots=True)
class Logical:
    """What a packed weight is."""

    shape: Shape
    """As the dense module has it, (out, in) of a Linear; flat where only the number of elements is known."""
    bits: int
    """Of one element, as stored."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What keeps a packed weight from being counted."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """All tensors that a method made of one weight."""

    name: str
    """The parameter, as the dense module calls it."""
    members: Group
    quantization: Quantization
    tiers: Tiers
    """The schemes that it may follow."""
    is_fp4: bool
    """Whether the config says that its bytes hold two values each, as those of DeepSeek-V4's routed experts."""
    said: str | None
    """What the header's metadata says under the parameter's name (torchao)."""

    def shape(self, role: str) -> Shape | None:
        """The shape of one member, if it is there."""
        found = self.members.get(role)
        return None if found is None else found.shape

    def fitting(self, fits: Callable[[Scheme], Shape | None]) -> Logical | Hidden:
        """The shape that `fits` gives for the scheme that the stored shapes follow; it gives None for one that they do not."""
        words: list[str] = []
        for schemes in self.tiers:
            found = {(shape, scheme.bits or 0) for scheme in schemes if (shape := fits(scheme)) is not None}
            if len(found) == 1:
                return Logical(*found.pop())
            words += (_words(scheme) for scheme in schemes)
            if found:
                break
        stated = " or ".join(dict.fromkeys(words)) or "no number of bits"
        return self.hidden(f"the shapes do not follow from what the config states, {stated}")

    def hidden(self, why: str) -> Hidden:
        """That this weight cannot be counted."""
        seen = ", ".join(f"{role.partition(chr(0))[0] or 'weight'} {list(one.shape)}" for role, one in self.members.items())
        return Hidden(f"{shown(self.name)} ({seen}): {why}")


@dataclass(frozen=True, slots=True)
class Place:
    """Which parameter a stored tensor belongs to, by the last part of its name, and as what."""

    parameter: str
    """What stands in place of the last part in the parameter's name; empty where the rest of the name is the parameter's."""
    role: str
    between: str = ""
    """What may stand between the parameter's name and the last part, and is no part of either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How a method names the tensors of one weight."""

    module: frozenset[str] = frozenset()
    """Names in the module that belong to its `weight`: `qweight`, `g_idx`."""
    tails: tuple[str, ...] = ()
    """What follows the parameter's own name: `_packed`, `_scale_inv`."""
    below: frozenset[str] = frozenset()
    """Names that stand below the parameter's own, as if it were a module: `weight.absmax`."""

    def place(self, last: str) -> "Place":
        """Where a tensor belongs whose dotted name ends in `last`."""
        if last in self.module:
            return Place("weight", last)
        if last in self.below:
            return Place("", last)
        if last.endswith(self.tails):
            tail = max((tail for tail in self.tails if last.endswith(tail)), key=len)
            if len(tail) < len(last):
                return Place(last.removesuffix(tail), tail)
        return Place(last, ITSELF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How one family of methods stores a weight."""

    place: Callable[[str], Place]
    """Where a tensor belongs, by the last part of its dotted name."""
    mains: tuple[str, ...]
    """The roles that hold packed values; any other tensor of the parameter's own name is a dense weight."""
    unpack: Callable[[Stored, TensorInfo], Logical | Hidden | None]
    """What a packed weight is, with the tensor of it that holds values; None where each of its tensors stands for itself."""
    widths: tuple[int, ...] = ()
    """Bits that the method can have, where its config does not say which."""


def is_packed_dtype(tensor: TensorInfo) -> bool:
    """Whether values of a weight can be packed in, or narrowed to, the dtype of `tensor`."""
    return tensor.dtype.kind is Kind.INTEGER or tensor.dtype.name in EIGHT_BIT_FLOATS


def item_bits(tensor: TensorInfo) -> int:
    """Bits of one stored element; 0 where the dtype is not one of whole bytes."""
    return 8 * tensor.dtype.block_bytes if tensor.dtype.block == 1 else 0


def groups_fit(groups: int, width: int, size: int | None) -> bool:
    """Whether `groups` scales along an input of `width` are those of groups of `size`; None is a channel, or not said."""
    return size is None or groups == -(-width // size)


def _words(scheme: Scheme) -> str:
    return f"{scheme.bits} bits" + ("" if scheme.group_size is None else f" in groups of {scheme.group_size}")
