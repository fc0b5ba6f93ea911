"""What a device holds of others' weights and gradients for a while: gathered units, and buffers of communication.

DeepSpeed's defaults: https://github.com/deepspeedai/DeepSpeed/blob/master/deepspeed/runtime/zero/config.py. FSDP gathers a unit,
a block of the model as transformers wraps it, and prefetches the next; what no block has, embeddings and head, is the root unit,
which stays whole from the forward to the end of the backward pass (https://docs.pytorch.org/docs/2.13/fsdp.html).
`DistributedDataParallel` copies gradients to buckets unless `gradient_as_bucket_view` is set
(https://docs.pytorch.org/docs/2.13/generated/torch.nn.parallel.DistributedDataParallel.html).
"""

from collections.abc import Sequence

from memscan.item import Basis, Item
from memscan.parallel.precision import DEEPSPEED, FSDP, Precision
from memscan.parallel.zero import SOURCES, Zero

GATHERED, BUFFERS = "gathered weights", "communication buffers"
LIVE = 1_000_000_000  # elements: `stage3_max_live_parameters`
BUCKET = 500_000_000  # elements: `reduce_bucket_size`
TWO = "the two largest blocks, the current one and the next"
DDP = "torch 2.13 torch/nn/parallel/distributed.py, DistributedDataParallel(gradient_as_bucket_view=False)"


def gathered(zero: Zero, precision: Precision, *, units: Sequence[int], root: int) -> Item | None:
    """The weights of others that a device holds in a pass; None where it holds all anyway.

    `units` are the elements of each block, trained and frozen, `root` those of all that no block has.
    """
    total, size = sum(units) + root, precision.compute
    largest = sorted(units, reverse=True)[:2]
    source = SOURCES.get(precision.engine, "")
    if precision.engine == FSDP and (zero.stage == 2 or (zero.stage == 3 and not units)):
        note = "all weights, from the forward pass to the end of the backward pass"
        return Item(
            name=GATHERED, nbytes=total * size, basis=Basis.DERIVED, note=note, formula=f"{total:,} x {size}", source=source
        )
    if zero.stage < 3:
        return None
    if precision.engine == FSDP:
        two = root + sum(largest)
        return Item(
            name=GATHERED, nbytes=two * size, basis=Basis.ASSUMED, note=f"{TWO}, and what stands in no block", source=source,
            formula=f"({root:,} + {sum(largest):,}) x {size}", least=(root + max(largest)) * size, most=two * size,
        )  # fmt: skip
    least, two = max(units, default=total), max(sum(largest), root)
    most = max(two, min(total, LIVE))
    note = f"{TWO}; stage3_max_live_parameters lets DeepSpeed keep {LIVE:,} parameters, and fetch as many as fit below that"
    return Item(
        name=GATHERED, nbytes=two * size, basis=Basis.ASSUMED, note=note, formula=f"{two:,} x {size}", source=source,
        least=min(least, two) * size, most=most * size,
    )  # fmt: skip


def buffers(
    zero: Zero, precision: Precision, *, sizes: Sequence[int], units: Sequence[int], root: int, hidden: int | None = None
) -> Item | None:
    """The gradients on their way to other devices; None where there are none.

    `sizes` are the elements of each trained parameter, `units` and `root` as for `gathered`, of what is trained. `hidden` is the
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
