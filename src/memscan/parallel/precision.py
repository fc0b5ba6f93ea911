"""What each value of a model takes while it is trained: as weight, gradient and master copy.

The words mean one thing to torch and another to DeepSpeed. torch's mixed precision, as transformers' Trainer has it, keeps
weights in float32 and casts them for each matrix product (https://docs.pytorch.org/docs/2.13/amp.html). FSDP keeps its shards in
float32 and gathers them in 16 bits (`MixedPrecision` in torch/distributed/fsdp/api.py; accelerate's plugin asks for
that). DeepSpeed keeps weights and gradients in 16 bits, and has the optimizer step a copy of the weights in float32, whatever
they are in: the 2 + 2 + 12 bytes of the ZeRO paper (`single_partition_of_fp32_groups` in
https://github.com/deepspeedai/DeepSpeed/blob/master/deepspeed/runtime/zero/stage_1_and_2.py).
"""

from dataclasses import dataclass

from memscan.document import shown
from memscan.dtype import SAFETENSORS, DType
from memscan.errors import UsageError

WHOLE, HALF = 4, 2
F32, BF16 = SAFETENSORS["F32"], SAFETENSORS["BF16"]
NAMES = ("fp32", "bf16", "bf16-mixed", "fp16-mixed")
TORCH, FSDP, DEEPSPEED = "torch", "fsdp", "deepspeed"
ENGINES = (TORCH, FSDP, DEEPSPEED)
"""Who keeps the weights: torch by itself or under `DistributedDataParallel`, FSDP, or DeepSpeed."""

AUTOCAST = "autocast holds a copy in 16 bits of each weight that a matrix product reads, until the backward pass is past it"
MASTER = "DeepSpeed's optimizer steps a copy of the weights in float32"
NO_PURE = "DeepSpeed keeps that copy with bf16 too, unless bf16_master_weights_and_grads is set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Bytes of one trained value."""

    name: str
    engine: str
    weights: int
    """As a weight."""
    gradients: int
    """As a gradient."""
    master: int
    """As the copy that the optimizer steps; 0 where it steps the weights."""
    compute: int
    """As a matrix product reads it, and as FSDP gathers it."""
    casts: int
    """Of a copy that stays between forward and backward pass."""
    stepped: DType
    """What the optimizer sees, and by which it makes its states."""
    note: str = ""
    """What a reader should know, as a sentence without a full stop."""


def precision(name: str, engine: str = TORCH) -> Precision:
    """What `name`, one of `NAMES`, means to `engine`, one of `ENGINES`; UsageError for other words."""
    for word, known in ((name, NAMES), (engine, ENGINES)):
        if word not in known:
            raise UsageError(f"there is no precision {shown(word)}; there are {', '.join(known)}")
    compute = WHOLE if name == "fp32" else HALF
    if engine == DEEPSPEED:
        note = f"{MASTER}; {NO_PURE}" if name == "bf16" else MASTER
        return Precision(
            name=name, engine=engine, weights=compute, gradients=compute, master=WHOLE, compute=compute, casts=0, stepped=F32,
            note=note,
        )  # fmt: skip
    held = HALF if name == "bf16" else WHOLE
    casts = HALF if engine == TORCH and held != compute else 0
    return Precision(
        name=name, engine=engine, weights=held, gradients=held, master=0, compute=compute, casts=casts,
        stepped=BF16 if held == HALF else F32, note=AUTOCAST if casts else "",
    )  # fmt: skip
