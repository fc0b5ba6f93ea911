"""Ways to hold a model that is made of parts: all of it at once, or a part at a time."""

from collections.abc import Iterator, Sequence

from memscan.estimate.base import Layer, Placement
from memscan.item import Basis
from memscan.model import Model, Part, Role
from memscan.modules import Unit, no_block, units

# What stays on the device beside the component that works: diffusers does not offload a safety checker
# (`_exclude_from_cpu_offload` of its pipelines), and a ControlNet, which works at every step, has no place in the order in
# which the others replace each other (`model_cpu_offload_seq`).
KEPT = frozenset({"safety_checker"})
KEPT_AT_MODEL_OFFLOAD = frozenset({"safety_checker", "controlnet"})
# Adapters that PEFT cannot merge: those that add to the input, or that work beside the layers.
UNMERGEABLE = frozenset(
    {
        "PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "CPT", "CARTRIDGE", "ADAPTION_PROMPT", "POLY",
        "XLORA", "SHADOW",
    }
)  # fmt: skip
UNMERGEABLE_BASES = frozenset({"gptq"})  # "Cannot merge LORA layers when the model is gptq quantized"


def placements(model: Model, layer: Layer | None) -> tuple[Placement, ...]:
    """The ways that the library of `model` offers, in stored bytes; none for a model of one part or without a `layer`."""
    roles = {part.role for part in model.parts}
    if Role.COMPONENT in roles and layer is not None:
        return tuple(_of_a_pipeline(model))
    if Role.ADAPTER in roles:
        return tuple(_of_an_adapter(model))
    return ()


def _of_a_pipeline(model: Model) -> Iterator[Placement]:
    """`enable_model_cpu_offload` keeps one component on the device, `enable_sequential_cpu_offload` one leaf module.

    https://huggingface.co/docs/diffusers/optimization/memory. The hooks of the latter stand on every module that has tensors
    of its own (`attach_align_device_hook` of accelerate), not on the numbered blocks that a device map keeps whole.
    """
    yield Placement(name="all resident", nbytes=model.checkpoint.nbytes, basis=Basis.MEASURED, what="every component")
    kept, others = _divided(model.parts, KEPT_AT_MODEL_OFFLOAD)
    largest = max(others, key=_nbytes)
    nbytes = largest.checkpoint.nbytes + sum(map(_nbytes, kept))
    yield Placement(name="model offload", nbytes=nbytes, basis=Basis.DERIVED, what=_words(largest.name, kept))
    kept, others = _divided(model.parts, KEPT)
    leaves = (unit for part in others for unit in units(part.checkpoint.tensors, block_of=no_block))
    leaf = max(leaves, key=_unit_nbytes, default=None)
    if leaf is not None:
        nbytes = leaf.nbytes + sum(map(_nbytes, kept))
        yield Placement(name="sequential offload", nbytes=nbytes, basis=Basis.DERIVED, what=_words(leaf.name, kept))


def _divided(parts: Sequence[Part], kept: frozenset[str]) -> tuple[list[Part], Sequence[Part]]:
    """Those that stay on the device, and those that take turns; a pipeline of the former alone has no turns to take."""
    others = [part for part in parts if part.name not in kept]
    return ([part for part in parts if part.name in kept], others) if others else ([], parts)


def _words(first: str, kept: Sequence[Part]) -> str:
    return " + ".join((first, *(part.name for part in kept)))


def _nbytes(part: Part) -> int:
    return part.checkpoint.nbytes


def _unit_nbytes(unit: Unit) -> int:
    return unit.nbytes


def _of_an_adapter(model: Model) -> Iterator[Placement]:
    """An adapter stays beside its base until it is merged into it (`merge_and_unload`), which takes its own bytes away."""
    bases = [part for part in model.parts if part.role is Role.BASE]
    yield Placement(name="with adapter", nbytes=model.checkpoint.nbytes, basis=Basis.MEASURED, what="base model + adapter")
    adapters = {part.class_name for part in model.parts if part.role is Role.ADAPTER}
    if adapters.isdisjoint(UNMERGEABLE) and UNMERGEABLE_BASES.isdisjoint(part.quantization for part in bases):
        yield Placement(name="merged", nbytes=sum(map(_nbytes, bases)), basis=Basis.DERIVED, what="base model")
