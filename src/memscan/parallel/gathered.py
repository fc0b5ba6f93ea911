"""What a device holds of others' weights and gradients for a while: gathered units, and buffers of communication.

DeepSpeed's defaults: https://github.com/deepspeedai/DeepSpeed/blob/master/deepspeed/runtime/zero/config.py. FSDP gathers a unit,
a block of the model as transformers wraps it, and prefetches the next; what no block has, embeddings and head, is the root unit,
which stays whole from the forward to the end of the backward pass (https://docs.pytorch.org/docs/2.13/fsdp.html). Quantized
weights are parameters too, of the dtype that their storage has, and travel as they are (`bnb_4bit_quant_storage`,
https://huggingface.co/docs/bitsandbytes/fsdp_qlora).
`DistributedDataParallel` copies gradients to buckets unless `gradient_as_bucket_view` is set
(https://docs.pytorch.org/docs/2.13/generated/torch.nn.parallel.DistributedDataParallel.html).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from memscan.item import Basis, Item
from memscan.parallel.precision import DEEPSPEED, FSDP, Precision
from memscan.parallel.zero import SOURCES, Zero

GATHERED, BUFFERS = "gathered weights", "communication buffers"
LIVE = 1_000_000_000  # elements: `stage3_max_live_parameters`
BUCKET = 500_000_000  # elements: `reduce_bucket_size`
TWO = "the two largest blocks, the current one and the next"
DDP = "torch 2.13 torch/nn/parallel/distributed.py, DistributedDataParallel(gradient_as_bucket_view=False)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The weights that are gathered together: those of a block, or those of no block."""

    elements: int = 0
    """Those that are gathered in the dtype that is computed in."""
    packed: int = 0
    """Bytes of frozen weights that are held in less: devices send each other what they hold, quantized."""

    def nbytes(self, size: int) -> int:
        """Bytes, with `size` of them for an element."""
        return self.elements * size + self.packed

    def __add__(self, other: "Unit") -> "Unit":
        return Unit(elements=self.elements + other.elements, packed=self.packed + other.packed)


def gathered(zero: Zero, precision: Precision, *, units: Sequence[Unit], root: Unit) -> Item | None:
    """The weights of others that a device holds in a pass; None where it holds all anyway.

    `units` are the blocks, trained and frozen, `root` is all that no block has.
    """
    size = precision.compute
    total, largest = sum(units, root), sorted(units, key=lambda unit: unit.nbytes(size), reverse=True)[:2]
    source = SOURCES.get(precision.engine, "")
    if precision.engine == FSDP and (zero.stage == 2 or (zero.stage == 3 and not units)):
        note = "all weights, from the forward pass to the end of the backward pass"
        return Item(
            name=GATHERED, nbytes=total.nbytes(size), basis=Basis.DERIVED, note=note, formula=_formula(total, size), source=source
        )
    if zero.stage < 3:
        return None
    pair = sum(largest, Unit())
    one = largest[0] if largest else total
    if precision.engine == FSDP:
        two = root + pair
        return Item(
            name=GATHERED, nbytes=two.nbytes(size), basis=Basis.ASSUMED, note=f"{TWO}, and what stands in no block",
            formula=_formula(two, size), source=source, least=(root + one).nbytes(size), most=two.nbytes(size),
        )  # fmt: skip
    two = max(pair, root, key=lambda unit: unit.nbytes(size))
    nbytes = two.nbytes(size)
    note = f"{TWO}; stage3_max_live_parameters lets DeepSpeed keep {LIVE:,} parameters, and fetch as many as fit below that"
    return Item(
        name=GATHERED, nbytes=nbytes, basis=Basis.ASSUMED, note=note, formula=_formula(two, size), source=source,
        least=min(one.nbytes(size), nbytes), most=max(nbytes, min(total.nbytes(size), LIVE * size)),
    )  # fmt: skip


def _formula(unit: Unit, size: int) -> str:
    return f"{unit.elements:,} x {size}" + (f" + {unit.packed:,} as they are held" if unit.packed else "")


def buffers(
    zero: Zero, precision: Precision, *, sizes: Sequence[int], units: Sequence[int], root: int, hidden: int | None = None
) -> Item | None:
    """The gradients on their way to other devices; None where there are none.

    `sizes` are the elements of each trained parameter, `units` those of each block, `root` those of no block. `hidden` is the
    width of the model, which transformers sizes DeepSpeed's buckets by where they are "auto".
    """
    if not sum(sizes):
        return None
    if precision.engine == DEEPSPEED and zero.stage:
        return _deepspeed(zero, precision, sizes, hidden)
    if zero.devices == 1:
        return None
    if zero.stage == 0:
        total = sum(sizes)
        note = "buckets with a copy of all gradients; none with gradient_as_bucket_view=True"
        return Item(
            name=BUFFERS, nbytes=total * precision.gradients, basis=Basis.DERIVED, note=note, source=DDP,
            formula=f"{total:,} x {precision.gradients}",
        )  # fmt: skip
    elements, source = root + max(units, default=0), SOURCES.get(precision.engine, "")
    note = "the gradients of the largest block, and of what stands in no block, before they are cut"
    return Item(
        name=BUFFERS, nbytes=elements * precision.compute, basis=Basis.ASSUMED, note=note, source=source,
        formula=f"{elements:,} x {precision.compute}", least=max(units, default=root) * precision.compute,
        most=2 * elements * precision.compute,
    )  # fmt: skip


def _deepspeed(zero: Zero, precision: Precision, sizes: Sequence[int], hidden: int | None) -> Item:
    """A bucket that gradients are reduced in, and with states on the CPU a place for the largest of them."""
    staged = max(sizes) if zero.offload is not None and zero.stage < 3 else 0
    size, least = precision.weights, BUCKET if hidden is None else min(BUCKET, hidden * hidden)
    doubled = 2 if zero.stage < 3 else 1
    note = f"reduce_bucket_size is {BUCKET:,} elements by default, allocated whole; transformers' auto is the width squared" + (
        ", and twice as much with overlap_comm" if zero.stage < 3 else ""
    )
    return Item(
        name=BUFFERS, nbytes=(BUCKET + staged) * size, basis=Basis.ASSUMED, note=note, source=SOURCES[DEEPSPEED],
        formula=f"({BUCKET:,} + {staged:,}) x {size}", least=(least + staged) * size, most=(doubled * BUCKET + staged) * size,
    )  # fmt: skip
