"""The driver, the allocator, the engine's reserve."""

import pytest

from memscan.bills.runtime import context, fragmentation, reserve, rounding
from memscan.devices import builtin, parse_device
from memscan.dtype import SAFETENSORS
from memscan.item import Basis
from memscan.tensor import TensorInfo

MIB = 1 << 20


def tensors(*sizes):
    return [TensorInfo(name="t", dtype=SAFETENSORS["U8"], shape=(size,), offset=0, nbytes=size) for size in sizes]


def test_a_context_is_assumed_with_a_range_and_can_be_given():
    alone, several = context(None, 1), context(None, 2)
    assert alone.basis is Basis.ASSUMED
    assert alone.low < alone.nbytes < alone.high
    assert several.nbytes - alone.nbytes == 1 << 30
    assert "NCCL" in several.name
    assert context(5, 2).nbytes == context(5, 2).low == context(5, 2).high == 5


@pytest.mark.parametrize(
    ("sizes", "reserved"),
    [
        ([1], 2 * MIB),  # one block of 512 bytes in one segment
        ([MIB] * 3, 4 * MIB),
        ([2 * MIB] * 3, 20 * MIB),
        ([11 * MIB], 12 * MIB),
        ([10 * MIB], 10 * MIB),
        ([1, 2 * MIB, 11 * MIB], 2 * MIB + 20 * MIB + 12 * MIB),
    ],
)
def test_rounding_is_what_segments_have_beyond_the_tensors(sizes, reserved):
    assert rounding(None, tensors(*sizes)).nbytes == reserved - sum(sizes)


def test_bert_takes_what_cuda_was_seen_to_take():
    # 413.18 MiB of tensors, 413.68 MiB on a GPU (https://huggingface.co/docs/accelerate/usage_guides/model_size_estimator).
    from memscan.estimate import estimate_weights
    from tests.estimate.fixtures import load

    scope = estimate_weights(load("google-bert/bert-base-cased"), dtypes=None, scope="base").scopes["base"]
    found = rounding(None, scope.tensors)
    assert 0 < found.nbytes < 20 * MIB
    assert found.low == 0  # transformers 5 asks for all weights at once first (`caching_allocator_warmup`)


def test_fragmentation_is_a_share_of_the_peak():
    assert fragmentation(None, 1000).nbytes == 50
    assert fragmentation(7, 1000).nbytes == 7


def test_vllm_leaves_the_rest_of_its_share_free():
    device = parse_device("100GiB", builtin()).device
    assert reserve(0.9, device).nbytes == (100 << 30) - int((100 << 30) * 0.9)
