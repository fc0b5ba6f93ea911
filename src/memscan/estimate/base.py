"""What an estimate is: figures with how each is known, and the report that holds them."""

from collections.abc import Mapping
from dataclasses import dataclass

from memscan.item import Basis
from memscan.model import Model, Scope
from memscan.note import Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """The largest unit that stays whole on one device."""

    name: str
    parameters: int | None
    """Logical elements; None where packing hides their number."""
    nbytes: int
    """Stored bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightEstimate:
    """One row of the seed's table: a scope, held in one dtype."""

    dtype: str
    """`float32` ... `int4`, or `as stored`."""
    scope: str
    stored: bool
    """Whether this is how the checkpoint stores its floating tensors already."""
    largest_layer_bytes: int
    total_bytes: int
    training_bytes: int | None
    """Four times the total: weights, gradients and Adam's two moments; None where the weights are quantized."""
    basis: Basis
    """How the largest layer and the total are known; training is a rule of thumb on top of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One way to hold a model that is made of parts."""

    name: str
    """`all resident`, `model offload`, `merged` ..."""
    nbytes: int
    """Stored bytes on the device at the worst moment, activations apart."""
    basis: Basis
    what: str
    """What is held at that moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that one scan found out."""

    model: Model
    scopes: Mapping[str, Scope]
    scope: str
    """The name of the scope that the estimates are about."""
    largest_layer: Layer | None
    """None where the scope holds no tensor."""
    estimates: tuple[WeightEstimate, ...]
    placements: tuple[Placement, ...]
    """Ways to hold it, where it is made of parts."""
    notes: tuple[Note, ...]
