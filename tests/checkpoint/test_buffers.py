"""Which stored tensors are buffers."""

import pytest

from memscan.checkpoint import is_buffer
from tests.writers.safetensors import BITS
from tests.writers.tensors import tensor

INTEGERS = ["BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64"]
KNOWN = [
    "bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked", "embeddings.position_ids", "embeddings.token_type_ids",
    "attn.relative_position_index", "rotary_emb.inv_freq", "rotary_emb.cos_cached", "rotary_emb.sin_cached", "attn.masked_bias",
    "running_mean", "inv_freq",
]  # fmt: skip


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_and_booleans_are_buffers_whatever_their_name(dtype: str) -> None:
    assert is_buffer(tensor("fc.weight", (2, 2), dtype))


@pytest.mark.parametrize("dtype", [dtype for dtype in BITS if dtype not in INTEGERS])
def test_other_dtypes_are_parameters(dtype: str) -> None:
    assert not is_buffer(tensor("fc.weight", (4, 2), dtype))


def test_an_unknown_dtype_is_a_parameter() -> None:
    assert not is_buffer(tensor("fc.weight", (2,), "F128", nbytes=32))


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("dtype", ["F32", "BF16"])
def test_a_floating_tensor_with_the_name_of_a_buffer_is_one(name: str, dtype: str) -> None:
    assert is_buffer(tensor(name, (8,), dtype))


@pytest.mark.parametrize(
    "name",
    ["my_running_mean", "running_mean.weight", "inv_freqs", "position_ids.weight", "masked_bias.x", "position_embeddings", ""],
)
def test_a_name_that_only_looks_like_one_is_a_parameter(name: str) -> None:
    assert not is_buffer(tensor(name, (8,)))


@pytest.mark.parametrize("shape", [(1, 1, 1024, 1024), (1, 1, 1, 1), (1, 1, 0, 0)])
def test_a_bias_in_the_shape_of_a_causal_mask_is_a_buffer(shape: tuple[int, ...]) -> None:
    assert is_buffer(tensor("h.0.attn.bias", shape))


@pytest.mark.parametrize(
    "shape", [(768,), (), (1, 1, 8), (1, 1, 8, 4), (1, 2, 8, 8), (2, 1, 8, 8), (1, 1, 8, 8, 8), (1, 1, 1, 8, 8)]
)
def test_a_bias_of_another_shape_is_a_parameter(shape: tuple[int, ...]) -> None:
    assert not is_buffer(tensor("h.0.attn.bias", shape))


def test_a_weight_in_the_shape_of_a_mask_is_a_parameter() -> None:
    assert not is_buffer(tensor("conv.weight", (1, 1, 8, 8)))
