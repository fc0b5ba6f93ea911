"""One pass over a checkpoint that makes each packed weight one tensor again.

What counts as bookkeeping is as in the Hub's own counter (`parse-safetensors-metadata.ts` in
https://github.com/huggingface/huggingface.js); how many values a packed tensor holds is taken from the shapes and the config,
which have to agree.
"""

from collections.abc import Iterator, Sequence

from memscan.architecture import Quantization
from memscan.checkpoint import Checkpoint
from memscan.document import shown
from memscan.note import Note
from memscan.packing.answers import Answers, is_suspect
from memscan.packing.base import ITSELF, Group, Hidden, Layout, Place
from memscan.packing.layouts import LAYOUTS
from memscan.packing.schemes import Schemes
from memscan.packing.unpacked import Unpacked
from memscan.tensor import TensorInfo

SCALE_DTYPES = frozenset({"F8_E8M0", "float8_e8m0fnu"})
BOOKKEEPING = frozenset({
    "weight_scale", "weight_scale_inv", "weight_scale_2", "weight_global_scale", "weight_zero_point", "weight_shape",
    "weight_g_idx", "input_scale", "input_global_scale", "input_zero_point", "output_scale", "output_zero_point",
    "activation_scale", "input_scale_ub", "k_scale", "v_scale", "q_scale", "prob_scale", "k_zero_point", "v_zero_point",
    "qzeros", "g_idx",
})  # fmt: skip
"""Last names of what a method keeps beside weights or, for the key-value cache, in an attention: no parameters."""
WITH_ZERO_BIASES = ("gptq", "auto-round", "intel/auto-round")


def weights(checkpoint: Checkpoint, quantization: Quantization) -> Unpacked:
    """The tensors of `checkpoint`, which is quantized so, as the dense modules count them."""
    tensors = checkpoint.tensors
    layout = LAYOUTS.get(quantization.method)
    if layout is None:
        return Unpacked(tensors=tensors, reason=f"memscan does not know how {shown(quantization.method)} stores weights")
    schemes = Schemes(quantization, layout.widths)
    if schemes.are_too_many:
        return Unpacked(tensors=tensors, reason=f"the config of {shown(quantization.method)} has more schemes than can be tried")
    made: list[TensorInfo] = []
    packed: list[str] = []
    answers = Answers(layout, quantization, schemes, checkpoint.metadata)
    for name, group in _groups(layout, tensors).items():
        if isinstance(group, TensorInfo) and not is_suspect(group):
            made.append(_unpacked(group))
            continue
        members = {ITSELF: group} if isinstance(group, TensorInfo) else group
        answer = answers.of(name, members)
        if isinstance(answer, Hidden):
            return Unpacked(tensors=tensors, reason=answer.why)
        if answer is None:
            made += [_unpacked(tensor) for tensor in members.values()]
            continue
        first = next(iter(members.values()))
        packed.append(name)
        fields = name, answer.dtype, answer.shape, first.offset, answer.nbytes, first.storage, False
        made.append(tuple.__new__(TensorInfo, fields))  # half the time of TensorInfo(...), a quarter of a million times
    return Unpacked(tensors=tuple(made), notes=tuple(_notes(quantization, made, packed)))


def _groups(layout: Layout, tensors: Sequence[TensorInfo]) -> dict[str, TensorInfo | Group]:
    """The tensors by parameter and role, in the order in which the first of each is stored; one alone with its own name bare."""
    groups: dict[str, TensorInfo | Group] = {}
    places: dict[str, Place] = {}  # names differ in their first parts; there are few last ones
    for tensor in tensors:
        name = tensor.name
        head, dot, last = name.rpartition(".")
        place = places.get(last)
        if place is None:
            place = places[last] = layout.place(last)
        role = place.role
        if role == ITSELF:
            if name not in groups:
                groups[name] = tensor
                continue
        else:
            owner = head.removesuffix(place.between)
            name = f"{owner}.{place.parameter}" if place.parameter and dot else owner or place.parameter
        group = groups.get(name)
        if group is None:
            groups[name] = {role: tensor}
            continue
        if isinstance(group, TensorInfo):
            group = groups[name] = {ITSELF: group}
        # Two names of a stranger may stand for one role: the second is kept as what it is.
        group[role if role not in group else f"{role}\0{tensor.name}"] = tensor
    return groups


def _unpacked(tensor: TensorInfo) -> TensorInfo:
    """A tensor that stands for itself; what a method keeps beside a weight that it left dense is no parameter."""
    is_kept = tensor.dtype.name in SCALE_DTYPES or tensor.name.rpartition(".")[2] in BOOKKEEPING
    return tensor._replace(buffer=True) if is_kept and tensor.buffer is None else tensor


def _notes(quantization: Quantization, made: Sequence[TensorInfo], packed: Sequence[str]) -> Iterator[Note]:
    if not packed:
        message = f"the config declares {shown(quantization.method)}, and no weight is stored so: all are counted as they are"
        yield Note(code="quantized-in-name", message=message)
    elif quantization.method in WITH_ZERO_BIASES:
        expected = {f"{name.removesuffix('weight')}bias" for name in packed}
        biases = [tensor for tensor in made if tensor.name in expected]
        if len(biases) == len(packed):
            elements = sum(bias.elements for bias in biases)
            message = (
                f"each of {len(packed):,} packed weights has a bias, {elements:,} parameters in all; AutoGPTQ wrote biases of "
                "zeros where the dense model has none"
            )
            yield Note(code="packed-biases", message=message)
