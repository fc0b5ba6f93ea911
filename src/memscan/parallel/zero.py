"""What ZeRO leaves on one device of weights, gradients, master weights and optimizer states, and what it moves to the CPU.

Stage 1 cuts optimizer states and master weights for the devices, stage 2 gradients too, stage 3 weights too: ZeRO paper,
https://arxiv.org/abs/1910.02054, section 5 and figure 1. Filled up and cut as in
https://github.com/deepspeedai/DeepSpeed/blob/master/deepspeed/runtime/zero/stage_1_and_2.py and stage3.py beside it. FSDP equals
a stage: NO_SHARD 0, SHARD_GRAD_OP 2, FULL_SHARD 3, HYBRID_SHARD 3 inside a node
(https://docs.pytorch.org/docs/2.13/fsdp.html); its shards are what the optimizer steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from memscan.errors import UsageError
from memscan.item import Basis, Item
from memscan.optimizers import piece
from memscan.parallel.precision import DEEPSPEED, FSDP, WHOLE, Precision

WEIGHTS, MASTER, GRADIENTS, STATES = "weights", "master weights", "gradients", "optimizer states"
STEP_GRADIENTS = "gradients in float32"
"""Held while the optimizer steps."""
STRATEGIES = {"no-shard": 0, "shard-grad-op": 2, "full-shard": 3, "hybrid-shard": 3}
"""FSDP's strategies, and the stage that each equals."""
PERSISTENT = 100_000  # elements: `stage3_param_persistence_threshold`, below which a parameter stays whole on every device
SUB_GROUP = 1_000_000_000  # elements: `sub_group_size`, which stage 3 steps at a time
SOURCES = {
    DEEPSPEED: "DeepSpeed deepspeed/runtime/zero/stage_1_and_2.py and stage3.py",
    FSDP: "torch 2.13 torch/distributed/fsdp",
}
OPTIMIZER, PARAMS = "optimizer", "params"
"""What is kept in the memory of the CPU: the states with their master weights, or these and the weights."""
TOGETHER = "FSDP moves weights, gradients and states to the CPU together"


@dataclass(frozen=True, slots=True, kw_only=True)
class Zero:
    """How data-parallel devices share what is trained."""

    stage: int = 0
    devices: int = 1
    """Those that share; of FSDP's HYBRID_SHARD, the devices of one node."""
    offload: str | None = None
    """`OPTIMIZER`, `PARAMS` or nothing."""

    def check(self) -> None:
        """UsageError for a stage that there is not, and for an offload that its stage does not have."""
        if not 0 <= self.stage <= 3:
            raise UsageError(f"there is no ZeRO stage {self.stage}, expected 0 to 3")
        if self.offload not in {None, OPTIMIZER, PARAMS}:
            raise UsageError(f"there is no offload of {self.offload}, expected {OPTIMIZER} or {PARAMS}")
        if (self.offload == PARAMS and self.stage < 3) or (self.offload == OPTIMIZER and self.stage < 1):
            raise UsageError(
                f"ZeRO stage {self.stage} has no offload of {self.offload}: params need stage 3, the optimizer stage 1"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What one device holds, and what it has the CPU hold."""

    device: tuple[Item, ...]
    """In its own memory; `STEP_GRADIENTS` only while the optimizer steps."""
    host: tuple[Item, ...] = ()
    """In that of the CPU, for this device: those of one node add up."""

    def named(self, name: str) -> int:
        """Bytes of the line `name` on the device; 0 where it has no such line."""
        return sum(item.nbytes or 0 for item in self.device if item.name == name)

    def node(self, devices: int) -> int:
        """Bytes of CPU memory of a node of `devices`."""
        return devices * sum(item.nbytes or 0 for item in self.host)


def shares(zero: Zero, precision: Precision, *, sizes: Sequence[int], states: int, frozen: int = 0) -> Shares:
    """What is left of trained parameters of `sizes` elements, `frozen` bytes of weights that are not trained, and `states`.

    `states` are the bytes of the optimizer's states on one device: `memscan.optimizers.states` of `flat` parameters where
    `zero` cuts them, of all parameters where it does not. UsageError where `zero` makes no sense.
    """
    zero.check()
    cut = _Cut(zero, precision, sizes)
    if zero.offload is not None and precision.engine == FSDP:
        return _all_offloaded(cut, states, frozen)
    device = [cut.item(WEIGHTS, cut.weights, precision.weights, more=cut.frozen(frozen))]
    host: list[Item] = []
    away = host if zero.offload is not None else device
    if precision.master:
        away.append(cut.item(MASTER, cut.stepped, precision.master))
    if zero.offload is None or zero.stage == 1:
        device.append(cut.item(GRADIENTS, cut.gradients, precision.gradients))
    away.append(Item(name=STATES, nbytes=states, basis=Basis.DERIVED, source=cut.source))
    if precision.engine == DEEPSPEED and zero.stage:
        away.append(_step_gradients(cut))
    if zero.offload is not None:
        host += _staged(cut)
    if zero.offload == PARAMS:
        host.append(cut.item(WEIGHTS, cut.stepped, precision.weights, more=cut.frozen(frozen)))
        device[0] = cut.item(WEIGHTS, cut.persistent, precision.weights)
    return Shares(device=tuple(device), host=tuple(host))


class _Cut:
    """How many elements a device has of what."""

    __slots__ = ("persistent", "precision", "sizes", "source", "stepped", "total", "zero")

    def __init__(self, zero: Zero, precision: Precision, sizes: Sequence[int]) -> None:
        self.zero, self.precision, self.sizes = zero, precision, sizes
        self.total = sum(sizes)
        self.stepped = piece(sizes, zero.devices, each=self.by_parameter) if zero.stage else self.total
        keeps = zero.stage == 3 and precision.engine == DEEPSPEED
        self.persistent = sum(size for size in sizes if size < PERSISTENT) if keeps else 0
        self.source = SOURCES.get(precision.engine, "") if zero.stage else ""

    @property
    def by_parameter(self) -> bool:
        return self.zero.stage == 3 or self.precision.engine == FSDP

    @property
    def weights_cut(self) -> bool:
        """FSDP keeps shards between steps at any stage but 0."""
        return self.zero.stage == 3 or (self.zero.stage > 0 and self.precision.engine == FSDP)

    @property
    def weights(self) -> int:
        if self.weights_cut:
            return self.stepped + self.persistent
        # What is flat is filled up for all devices.
        return self.stepped * self.zero.devices if self.zero.stage else self.total

    @property
    def gradients(self) -> int:
        return self.stepped if self.zero.stage >= 2 else self.total

    def frozen(self, nbytes: int) -> int:
        """Bytes of weights that are not trained."""
        return -(-nbytes // self.zero.devices) if self.weights_cut else nbytes

    def item(self, name: str, elements: int, itemsize: int, *, more: int = 0) -> Item:
        """A line of `elements`, and of `more` bytes."""
        shared = f"{self.total:,} on {self.zero.devices:,} devices: " if self.zero.stage else ""
        formula = f"{shared}{elements:,} x {itemsize}" + (f" + {more:,} frozen" if more else "")
        return Item(name=name, nbytes=elements * itemsize + more, basis=Basis.DERIVED, formula=formula, source=self.source)


def _step_gradients(cut: _Cut) -> Item:
    """The gradients of a piece once more, end to end, and in float32: `step` of both optimizers of DeepSpeed."""
    if cut.zero.offload is not None:
        return cut.item(STEP_GRADIENTS, cut.stepped, WHOLE)
    elements = min(cut.stepped, SUB_GROUP) if cut.zero.stage == 3 else cut.stepped
    itemsize = WHOLE + (cut.precision.gradients if cut.precision.gradients < WHOLE else 0)
    return cut.item(STEP_GRADIENTS, elements, itemsize)


def _staged(cut: _Cut) -> tuple[Item, ...]:
    """What waits in CPU memory on its way: new weights of stages 1 and 2, gradients of stage 3, in the dtype of the model."""
    name = "gradients on their way" if cut.zero.stage == 3 else "weights on their way"
    return (cut.item(name, cut.stepped, cut.precision.weights),)


def _all_offloaded(cut: _Cut, states: int, frozen: int) -> Shares:
    note = TOGETHER if cut.zero.offload == OPTIMIZER else ""
    host = (
        cut.item(WEIGHTS, cut.stepped, cut.precision.weights, more=cut.frozen(frozen)),
        cut.item(GRADIENTS, cut.stepped, cut.precision.gradients),
        Item(name=STATES, nbytes=states, basis=Basis.DERIVED, note=note, source=cut.source),
    )
    return Shares(device=(), host=host)
