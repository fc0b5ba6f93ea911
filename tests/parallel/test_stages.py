"""Layers of a pipeline, as vLLM shares them out."""

import pytest

from memscan.dtype import SAFETENSORS
from memscan.errors import UsageError
from memscan.modules import numbered_block
from memscan.parallel import layer_shares, stages
from memscan.tensor import TensorInfo


def tensor(name, elements=1):
    return TensorInfo(name=name, dtype=SAFETENSORS["F16"], shape=(elements,), offset=0, nbytes=2 * elements)


def llama(layers):
    inner = [tensor(f"model.layers.{index}.mlp.up_proj.weight", 10) for index in range(layers)]
    return [tensor("model.embed_tokens.weight", 100), *inner, tensor("model.norm.weight"), tensor("lm_head.weight", 100)]


# `get_pp_indices` of vLLM 0.33.0 (vllm/distributed/utils.py), its test_pipeline_partition.py: (layers, stages) -> counts
@pytest.mark.parametrize(
    ("layers", "count", "expected"),
    [
        (32, 2, (16, 16)),
        (28, 4, (7, 7, 7, 7)),
        (9, 2, (5, 4)),
        (5, 3, (2, 2, 1)),
        (61, 4, (15, 15, 16, 15)),
        (126, 4, (31, 32, 32, 31)),
        (3, 3, (1, 1, 1)),
    ],
)
def test_what_is_left_over_goes_to_the_middle(layers, count, expected):
    assert layer_shares(layers, count) == expected


def test_more_stages_than_layers_is_an_error():
    with pytest.raises(UsageError, match="--pp 5 is more than the 4 layers"):
        layer_shares(4, 5)


def test_the_ends_hold_embedding_and_head():
    first, last = stages(llama(5), block_of=numbered_block, number=2, layers=5)
    assert (first.layers, last.layers) == (range(3), range(3, 5))
    assert first.tensors[0].name == "model.embed_tokens.weight"
    assert [one.name for one in last.tensors][-2:] == ["model.norm.weight", "lm_head.weight"]


def test_a_tied_head_is_on_both_ends():
    tensors = llama(4)[:-1]
    first, last = stages(tensors, block_of=numbered_block, number=2, layers=4, tied=[tensor("lm_head.weight", 100)])
    assert "model.embed_tokens.weight" in [one.name for one in first.tensors]
    assert "model.embed_tokens.weight" in [one.name for one in last.tensors]


@pytest.mark.parametrize(
    ("embedding", "head"),
    [
        ("shared.weight", "lm_head.weight"),  # T5
        ("model.shared.weight", "lm_head.weight"),  # BART
        ("model.decoder.embed_tokens.weight", "proj_out.weight"),  # Whisper
        ("backbone.embeddings.weight", "lm_head.weight"),  # Mamba
    ],
)
def test_a_tied_head_is_on_both_ends_whatever_its_embedding_is_called(embedding, head):
    places = tensor("model.encoder.embed_positions.weight", 50)
    tensors = [places, tensor(embedding, 100), *llama(4)[1:-1]]
    lent = [tensor("decoder.embed_tokens.weight", 100), tensor(head, 100)]
    first, last = stages(tensors, block_of=numbered_block, number=2, layers=4, tied=lent)
    assert {places, tensors[1]} <= set(first.tensors)
    assert tensors[1] in last.tensors
    assert places not in last.tensors
    alone = stages(tensors, block_of=numbered_block, number=2, layers=4, tied=lent[:1])[1]
    assert tensors[1] not in alone.tensors  # a head of its own, or none


def test_no_tensor_is_lost():
    tensors = llama(7)
    held = [one for stage in stages(tensors, block_of=numbered_block, number=3, layers=7) for one in stage.tensors]
    assert sorted(one.name for one in held) == sorted(one.name for one in tensors)


def test_the_decoder_is_the_stack_with_as_many_layers_as_the_config_says():
    tower = [tensor(f"vision.blocks.{index}.w.weight", 1000) for index in range(6)]
    first, last = stages([*tower, *llama(4)], block_of=numbered_block, number=2, layers=4)
    assert all(one in first.tensors for one in tower)
    assert not any(one in last.tensors for one in tower)
