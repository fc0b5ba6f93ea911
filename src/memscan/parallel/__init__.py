"""What each device holds of a model that several share."""

from memscan.parallel.degrees import Degrees
from memscan.parallel.gathered import BUFFERS, GATHERED, Unit, buffers, gathered
from memscan.parallel.precision import DEEPSPEED, FSDP, TORCH, Precision, precision
from memscan.parallel.shard import Sharding
from memscan.parallel.stages import Stage, stages
from memscan.parallel.stages import shares as layer_shares
from memscan.parallel.styles import by_names, by_plan, cuts_heads, cuts_keys, is_expert
from memscan.parallel.zero import GRADIENTS, STATES, STEP_GRADIENTS, WEIGHTS, Shares, Zero, shares

__all__ = [
    "BUFFERS",
    "DEEPSPEED",
    "FSDP",
    "GATHERED",
    "GRADIENTS",
    "STATES",
    "STEP_GRADIENTS",
    "TORCH",
    "WEIGHTS",
    "Degrees",
    "Precision",
    "Sharding",
    "Shares",
    "Stage",
    "Unit",
    "Zero",
    "buffers",
    "by_names",
    "by_plan",
    "cuts_heads",
    "cuts_keys",
    "gathered",
    "is_expert",
    "layer_shares",
    "precision",
    "shares",
    "stages",
]
