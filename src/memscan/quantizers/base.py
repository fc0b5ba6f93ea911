"""What a quantizer is: a dense model in, the bytes that each of its tensors takes once a method has been over it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from memscan.dtype import DType
from memscan.tensor import TensorInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """One tensor of a dense model, as its loader holds it."""

    name: str
    """The dotted name."""
    shape: tuple[int, ...]
    dtype: DType
    """What it is held in."""
    nbytes: int
    module: str | None
    """The class of the torch module that owns it (`Linear`, `Conv1D`, `Embedding`, ...); "" is another; None is not known."""
    buffer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense:
    """A dense model: all weights of one scope."""

    weights: tuple[Weight, ...]
    """In the order of `named_parameters`, each once: what is tied stands under one name."""
    kept: frozenset[str] = frozenset()
    """Modules that transformers skips by default: output embeddings, tied keys and those it keeps in float32."""
    last: str | None = None
    """The last name of `named_parameters`; None where it is not known."""
    model_type: str | None = None
    config: Mapping[str, object] = field(default_factory=dict)
    """`config.json`, as read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantized:
    """What a method makes of a dense model."""

    tensors: tuple[TensorInfo, ...]
    """One for each weight, in the same order and under the same name; `nbytes` holds its scales and all that goes with it."""
    assumed: str | None = None
    """What had to be judged by names and shapes, as a sentence; None where nothing had to be."""
    note: str | None = None
    """What a reader should know of the method's work on this model, as a sentence."""


class Quantizer(Protocol):
    """One method with its settings."""

    @property
    def name(self) -> str:
        """What `--dtypes` takes."""

    def quantize(self, dense: Dense) -> Quantized:
        """The bytes of every tensor of `dense` once quantized."""
