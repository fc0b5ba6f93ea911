"""What a reader of the weights' numbers should know."""

from collections.abc import Iterator, Sequence

from memscan.checkpoint import is_buffer
from memscan.model import Model, Scope
from memscan.note import Note
from memscan.tensor import TensorInfo
from memscan.units import iec_bytes, plural

SHOWN = 3


def notes_on(model: Model, scope: Scope) -> tuple[Note, ...]:
    """The remarks on `scope` of `model`."""
    return (*_ignored(scope), *_created(scope), *_dequantizes(model), *_tied_output(model))


def _ignored(scope: Scope) -> Iterator[Note]:
    left = [tensor for tensor in scope.ignored if not is_buffer(tensor)]
    if left:
        message = f"{scope.class_name} does not load {plural(len(left), 'stored tensor')} {_listed(left)}"
        yield Note(code="ignored", message=message)


def _created(scope: Scope) -> Iterator[Note]:
    made = [tensor for tensor in scope.created if not tensor.buffer]
    if made:
        message = f"{scope.class_name} has {plural(len(made), 'tensor')} that the checkpoint lacks {_listed(made)}"
        yield Note(code="created", message=message)


def _listed(tensors: Sequence[TensorInfo]) -> str:
    """Their bytes and the first of their names."""
    names = ", ".join(tensor.name for tensor in tensors[:SHOWN])
    return f"({iec_bytes(sum(tensor.nbytes for tensor in tensors))}): {names}{', ...' if len(tensors) > SHOWN else ''}"


def _dequantizes(model: Model) -> Iterator[Note]:
    """What a loader may do to a quantized checkpoint without a word."""
    quantized = model.quantized
    if quantized is not None and quantized.dequantizes is not None:
        yield Note(code="dequantizes", message=quantized.dequantizes)


def _tied_output(model: Model) -> Iterator[Note]:
    """What llama.cpp holds twice: the embedding that is the output too, once the output layer is offloaded."""
    architecture = model.checkpoint.metadata.get("general.architecture")
    if model.checkpoint.format != "gguf":
        return
    from memscan.architecture.gguf_keys import tied_output

    tensor = tied_output(model.checkpoint.tensors, architecture if isinstance(architecture, str) else None)
    if tensor is not None:
        message = (
            f"the output is tied to {tensor.name}; llama.cpp holds it a second time ({tensor.nbytes:,} bytes) on the device that"
            " the output layer is offloaded to, not counted here"
        )
        yield Note(code="tied-output", message=message)
