"""What a class holds once a checkpoint was loaded into it."""

from dataclasses import dataclass

from memscan.tensor import TensorInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The tensors of a class, by where they come from; names are those of the class."""

    class_name: str
    tensors: tuple[TensorInfo, ...]
    """All that is held, each tensor once: taken from the checkpoint, then `created`."""
    tied: tuple[TensorInfo, ...]
    """Not held by themselves: each is another tensor under a second name."""
    ignored: tuple[TensorInfo, ...]
    """Stored, and taken by no part of the class; under the names that they are stored by."""
    created: tuple[TensorInfo, ...]
    """Held and not stored: parameters that the checkpoint lacks, and buffers that no checkpoint holds."""
    modules: dict[str, str]
    """The torch class of the module that owns each tensor (`Linear`, `Embedding` ...), by the tensor's name; `/` where that
    module has modules below it."""
    fixed: frozenset[str]
    """Tensors that the class makes in a dtype of its own: no cast of the model changes them."""
    blocks: frozenset[str]
    """Patterns of the numbered modules that a device map keeps whole."""
    parameters_known: bool
    """Whether at least the parameters are known exactly."""
    unknown: str | None
    """Why it cannot be known exactly; None where it is."""
