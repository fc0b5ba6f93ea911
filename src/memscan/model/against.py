"""A checkpoint beside its own config: what of it the declared class would not find, or not take, on loading."""

from dataclasses import dataclass

from memscan.errors import NotFoundError, UnderivedError
from memscan.loading.against import Disagreement, Fault, disagreements, undecided
from memscan.model.base import Model
from memscan.model.derived import FORMAT, declared_layout
from memscan.model.logical import logical


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """What came of the comparison."""

    class_name: str | None
    """The class that the config declares, as far as it is known."""
    tensors: int
    """How many are stored, a packed weight as one."""
    found: tuple[Disagreement, ...]
    unknown: str | None = None
    """Why nothing can be said; None where something can."""


def against_config(model: Model) -> Against:
    """The stored tensors of `model` beside its config. NotFoundError where one of the two is missing."""
    if model.config is None or model.checkpoint.format == FORMAT or not model.checkpoint.shards:
        missing = "config.json" if model.config is None else "file of weights"
        raise NotFoundError(f"{model.origin.name} has no {missing}: there is nothing to compare")
    if model.parts:
        return _unknown(model, "it is made of several models, each with a config of its own")
    whole = logical(model)
    if whole.reason is not None:
        return _unknown(model, whole.reason)
    try:
        layout, _ = declared_layout(model.config)
    except UnderivedError as error:
        return _unknown(model, str(error))
    reason = undecided(layout)
    if reason is not None:
        return Against(class_name=layout.class_name, tensors=len(whole.tensors), found=(), unknown=reason)
    found = disagreements(whole.tensors, layout)
    if any(note.code == "packed-biases" for note in whole.notes):
        # GPTQ's files have one beside every packed weight, whether or not the dense model has.
        found = tuple(one for one in found if not (one.fault is Fault.UNEXPECTED and one.name.endswith(".bias")))
    return Against(class_name=layout.class_name, tensors=len(whole.tensors), found=found)


def _unknown(model: Model, reason: str) -> Against:
    return Against(class_name=None, tensors=len(model.checkpoint.tensors), found=(), unknown=reason)
