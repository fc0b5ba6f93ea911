"""What a process on a GPU takes beside the model: the driver's context, the allocator's rounding, an engine's reserve."""

from collections.abc import Sequence

from memscan.devices import Device
from memscan.item import Basis, Item
from memscan.tensor import TensorInfo
from memscan.units import iec_bytes

MIB, GIB = 1 << 20, 1 << 30
# One process on one GPU. Published: about 300 MB with CUDA >= 11.7 and lazy loading, 0.12 GiB (T4) to 0.54 GiB (H100) as vLLM
# logs it, 1.3 GB on a V100 with CUDA 11.2 (https://huggingface.co/docs/transformers/v4.35.2/model_memory_anatomy).
CONTEXT, CONTEXT_LEAST, CONTEXT_MOST = GIB // 2, 128 * MIB, 1_343 * MIB
# NCCL's buffers on top, where several GPUs speak: 0.5 to 2 GiB in vLLM's logs of two and more ranks.
NCCL, NCCL_LEAST, NCCL_MOST = GIB, GIB // 2, 2 * GIB
# The caching allocator of torch (c10/core/AllocatorConfig.h of 2.13): requests are rounded up to 512 bytes; those of at most
# 1 MiB share segments of 2 MiB, those below 10 MiB segments of 20 MiB, larger ones have segments in steps of 2 MiB.
FRAGMENTATION = 5  # percent
BLOCK, SMALL, MEDIUM = 512, MIB, 10 * MIB
SMALL_SEGMENT, MEDIUM_SEGMENT, STEP = 2 * MIB, 20 * MIB, 2 * MIB


def context(given: int | None, devices: int) -> Item:
    """The driver's context, and NCCL's buffers where there are several `devices`."""
    name = "CUDA context" if devices == 1 else "CUDA context and NCCL"
    if given is not None:
        return Item(name=name, nbytes=given, basis=Basis.ASSUMED, note="as given", formula=f"given: {given:,} bytes")
    several = devices > 1
    nbytes = CONTEXT + several * NCCL
    return Item(
        name=name, nbytes=nbytes, basis=Basis.ASSUMED, least=CONTEXT_LEAST + several * NCCL_LEAST,
        most=CONTEXT_MOST + several * NCCL_MOST, note="depends on driver and libraries; --cuda-context SIZE sets it",
        formula=f"{iec_bytes(CONTEXT)} a process" + (f" + {iec_bytes(NCCL)} for NCCL" if several else ""),
        source="published logs of vLLM, PyTorch and transformers",
    )  # fmt: skip


def rounding(given: int | None, tensors: Sequence[TensorInfo]) -> Item:
    """What the caching allocator takes for `tensors` beyond their bytes, if each is asked for by itself."""
    if given is not None:
        return Item(
            name="allocator rounding", nbytes=given, basis=Basis.ASSUMED, note="as given", formula=f"given: {given:,} bytes"
        )
    sizes = [-(-tensor.nbytes // BLOCK) * BLOCK for tensor in tensors]
    small = _up(sum(size for size in sizes if size <= SMALL), SMALL_SEGMENT)
    medium = _up(sum(size for size in sizes if SMALL < size < MEDIUM), MEDIUM_SEGMENT)
    large = sum(_up(size, STEP) for size in sizes if size >= MEDIUM)
    nbytes = small + medium + large - sum(tensor.nbytes for tensor in tensors)
    return Item(
        name="allocator rounding", nbytes=nbytes, basis=Basis.ASSUMED, least=0, most=2 * nbytes,
        note="of the weights, each allocated by itself; --allocator SIZE sets it",
        formula=f"{len(sizes):,} tensors in blocks of 512 bytes and segments of 2 MiB and 20 MiB, less their own bytes",
        source="c10/core/AllocatorConfig.h of torch 2.13",
    )  # fmt: skip


def fragmentation(given: int | None, peak: int) -> Item:
    """What the caching allocator holds beyond what a training step asks for."""
    if given is not None:
        return Item(name="fragmentation", nbytes=given, basis=Basis.ASSUMED, note="as given", formula=f"given: {given:,} bytes")
    nbytes = peak * FRAGMENTATION // 100
    return Item(
        name="fragmentation", nbytes=nbytes, basis=Basis.ASSUMED, least=0, most=2 * nbytes,
        note="of the allocator; expandable_segments removes most of it; --allocator SIZE sets it",
        formula=f"{FRAGMENTATION} % of a peak of {peak:,} bytes", source="reserved less allocated in published logs: 0 to 10 %",
    )  # fmt: skip


def reserve(share: float, device: Device) -> Item:
    """What vLLM leaves free of a `device`."""
    kept_free = device.usable_bytes - int(device.usable_bytes * share)
    return Item(
        name="kept free by the engine", nbytes=kept_free, basis=Basis.DERIVED,
        note=f"--gpu-memory-utilization {share:g}; vLLM fills the rest of its share with KV cache",
        formula=f"{device.usable_bytes:,} bytes x (1 - {share:g})", source="vLLM 0.33.0",
    )  # fmt: skip


def _up(nbytes: int, step: int) -> int:
    return -(-nbytes // step) * step
