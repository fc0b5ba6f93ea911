"""Whether anything of a checkpoint is packed, and what it is then."""

from memscan.architecture import Quantization
from memscan.checkpoint import Checkpoint
from memscan.dtype import Kind
from memscan.packing.unpacked import Unpacked
from memscan.tensor import kinds_of


def unpack(checkpoint: Checkpoint, quantization: Quantization | None) -> Unpacked:
    """The tensors of `checkpoint` as the dense modules count them; those that are not packed are the same objects."""
    tensors = checkpoint.tensors
    if quantization is None or Kind.QUANTIZED in kinds_of(tensors):
        return Unpacked(tensors=tensors)
    from memscan.packing.weights import weights

    return weights(checkpoint, quantization)
