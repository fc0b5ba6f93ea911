"""Parameters laid end to end and cut for the devices, as DeepSpeed's ZeRO and FSDP 1 hand them to an optimizer.

Stages 1 and 2 of ZeRO flatten all parameters, fill them up and cut them once:
`DeepSpeedZeroOptimizer.__init__` in https://github.com/deepspeedai/DeepSpeed/blob/master/deepspeed/runtime/zero/stage_1_and_2.py
(`nccl_start_alignment_factor`). Stage 3 cuts every parameter: `partition_numel` in partition_parameters.py beside it. The
optimizer steps this device's piece in float32. What it does for shapes is lost on the way: Adafactor finds no rows and columns,
Muon no matrix, bitsandbytes no embedding.
"""

from collections.abc import Sequence

from memscan.dtype import SAFETENSORS, DType
from memscan.errors import UsageError
from memscan.optimizers.base import Trained

ALIGNMENT = 2  # elements: pieces of 2 bytes a value start at multiples of 4 bytes


def piece(sizes: Sequence[int], devices: int, *, each: bool = False) -> int:
    """Elements that one of `devices` devices has of parameters of `sizes` elements, rounded up as they are filled up.

    With `each` every parameter is cut by itself. UsageError where there is not at least one device.
    """
    if devices < 1:
        raise UsageError(f"parameters are cut for {devices} devices, and there has to be one at least")
    if each:
        return sum(-(-size // devices) for size in sizes)
    return -(-sum(sizes) // (ALIGNMENT * devices)) * ALIGNMENT


def flat(parameters: Sequence[Trained], *, devices: int, each: bool = False, dtype: DType | None = None) -> tuple[Trained, ...]:
    """What the optimizer of one device steps: one vector of `dtype`, float32 where it is None; empty where nothing is trained.

    UsageError where there is not at least one device.
    """
    elements = piece([parameter.elements for parameter in parameters], devices, each=each)
    if not elements:
        return ()
    name = f"a piece of {elements:,} of all parameters"
    return (Trained(name=name, shape=(elements,), dtype=dtype or SAFETENSORS["F32"], hidden_matrix=False),)
