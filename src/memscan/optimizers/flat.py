"""Parameters laid end to end and cut for the devices, as DeepSpeed's ZeRO and FSDP 1 hand them to an optimizer.

`DeepSpeedZeroOptimizer.__init__` in https://github.com/deepspeedai/DeepSpeed/blob/master/deepspeed/runtime/zero/stage_1_and_2.py:
the parameters of one group are flattened, filled up so that every device has as many, and the optimizer steps this device's
piece in float32. What an optimizer does for shapes is lost on the way: Adafactor finds no rows and columns, Muon no matrix,
bitsandbytes no embedding.
"""

from collections.abc import Sequence

from memscan.dtype import SAFETENSORS, DType
from memscan.errors import UsageError
from memscan.optimizers.base import Trained


def flat(parameters: Sequence[Trained], *, devices: int, dtype: DType | None = None) -> tuple[Trained, ...]:
    """The piece of one of `devices` devices: one vector of `dtype`, float32 where it is None; empty where nothing is trained.

    Its length is rounded up; UsageError where there is not at least one device.
    """
    if devices < 1:
        raise UsageError(f"parameters are cut for {devices} devices, and there has to be one at least")
    elements = -(-sum(parameter.elements for parameter in parameters) // devices)
    if not elements:
        return ()
    name = f"a piece of {elements:,} of all parameters"
    return (Trained(name=name, shape=(elements,), dtype=dtype or SAFETENSORS["F32"], hidden_matrix=False),)
