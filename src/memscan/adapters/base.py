"""What an adapter adds to a model: the tensors that are trained."""

from collections.abc import Mapping
from dataclasses import dataclass

from memscan.tensor import TensorInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """One adapter on one model."""

    tensors: tuple[TensorInfo, ...]
    """The matrices of each module, by the name of the module and peft's name in it; in the dtype that they are trained in."""
    saved: tuple[TensorInfo, ...] = ()
    """Copies of whole modules that are trained beside them: the head of a classifier. The model keeps its own."""
    modules: Mapping[str, int]
    """Parameters that each adapted module, or parameter of experts, gets."""
    formula: str
    """How the parameters come about, with the numbers put in."""
    source: str
    """Whose rule it is, with library and version."""
    notes: tuple[str, ...] = ()
    """What a reader should know of it, as sentences without a full stop."""
    assumed: str | None = None
    """What had to be judged by names, as a sentence; None where nothing had to be."""

    @property
    def trained(self) -> tuple[TensorInfo, ...]:
        """Everything that gets a gradient."""
        return self.tensors + self.saved

    @property
    def parameters(self) -> int:
        """Trained parameters, as peft's `print_trainable_parameters` counts them."""
        return sum(tensor.elements for tensor in self.trained)

    @property
    def nbytes(self) -> int:
        """Bytes that the model grows by."""
        return sum(tensor.nbytes for tensor in self.trained)
