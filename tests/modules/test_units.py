"""The units that stay whole on one device."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.modules import units
from tests.writers.tensors import tensor


def names(*tensors: str, blocks: bool = True) -> list[str]:
    return [unit.name for unit in units(map(tensor, tensors), blocks=blocks)]


@pytest.mark.parametrize(
    ("name", "block"),
    {
        "model.layers.17.mlp.up_proj.weight": "model.layers.17",
        "bert.encoder.layer.0.attention.self.query.weight": "bert.encoder.layer.0",
        "h.3.attn.c_attn.weight": "h.3",
        "transformer.h.11.ln_1.bias": "transformer.h.11",
        "encoder.block.5.layer.0.SelfAttention.q.weight": "encoder.block.5",
        "decoder.block.0.layer.2.layer_norm.weight": "decoder.block.0",
        "visual.transformer.resblocks.2.attn.in_proj_weight": "visual.transformer.resblocks.2",
        "encoder.albert_layer_groups.0.albert_layers.0.ffn.weight": "encoder.albert_layer_groups.0.albert_layers.0",
        "transformer_blocks.4.attn.to_q.weight": "transformer_blocks.4",
        "down_blocks.0.attentions.1.transformer_blocks.0.norm1.weight": "down_blocks.0",
        "model.layers.0.mlp.experts.12.w1.weight": "model.layers.0",
        "model.layers.3.weight": "model.layers.3",
        "layers.0": "layers.0",
    }.items(),
)
def test_a_block_is_the_outermost_numbered_container(name: str, block: str) -> None:
    (unit,) = units([tensor(name), tensor(f"{name}.more")], blocks=True)[:1]
    assert unit.name == (block if name != "layers.0" else "layers")


@pytest.mark.parametrize(
    ("name", "module"),
    {
        "model.embed_tokens.weight": "model.embed_tokens",
        "lm_head.weight": "lm_head",
        "layers.weight": "layers",
        "layer1.0.conv1.weight": "layer1.0.conv1",
        "experts.3.w1.weight": "experts.3.w1",
        "model.layers.norm.weight": "model.layers.norm",
        "model.layers.1a.weight": "model.layers.1a",
        "hh.0.weight": "hh.0",
        "playersx.0.weight": "playersx.0",
        "0.layers.weight": "0.layers",
        "weight": "weight",
        ".weight": ".weight",
        "": "",
        "a..b": "a.",
    }.items(),
)
def test_outside_the_blocks_a_unit_is_a_leaf_module(name: str, module: str) -> None:
    assert names(name) == [module]


def test_without_blocks_every_unit_is_a_leaf_module() -> None:
    given_names = ("model.layers.0.a.weight", "model.layers.0.a.bias", "model.layers.0.b.weight", "model.layers.1.a.weight")
    assert names(*given_names, blocks=False) == ["model.layers.0.a", "model.layers.0.b", "model.layers.1.a"]
    assert names(*given_names) == ["model.layers.0", "model.layers.1"]


def test_units_come_in_the_order_of_their_first_tensor() -> None:
    assert names("layers.10.a.w", "z.w", "layers.2.a.w", "layers.10.b.w", "a.w") == ["layers.10", "z", "layers.2", "a"]


def test_a_tensor_without_a_module_stands_alone() -> None:
    assert names("a", "b", "cls_token") == ["a", "b", "cls_token"]


def test_a_unit_holds_its_tensors_in_order_and_their_bytes() -> None:
    parts = [tensor("h.0.a.w", (2,)), tensor("wte.w", (5,), "F16"), tensor("h.0.b.w", (3,), "I64")]
    first, second = units(parts, blocks=True)
    assert (first.tensors, first.nbytes) == ((parts[0], parts[2]), 8 + 24)
    assert (second.tensors, second.nbytes) == ((parts[1],), 10)


WORDS = st.sampled_from(["model", "layers", "h", "block", "0", "17", "weight", "", "\N{ARABIC-INDIC DIGIT THREE}", "x_layer"])


@given(st.sets(st.lists(WORDS, min_size=1, max_size=6).map(".".join), max_size=12), st.booleans())
def test_every_tensor_is_in_exactly_one_unit_above_it(given_names: set[str], blocks: bool) -> None:
    found = units([tensor(name) for name in sorted(given_names)], blocks=blocks)
    assert sorted(one.name for unit in found for one in unit.tensors) == sorted(given_names)
    assert len({unit.name for unit in found}) == len(found)
    assert all(one.name == unit.name or one.name.startswith(f"{unit.name}.") for unit in found for one in unit.tensors)


@pytest.mark.parametrize(
    "name", ["." * 100_000, "a." * 100_000, "layers." * 100_000 + "0", "h" * 100_000 + ".0.w", "0." * 100_000]
)
def test_a_hostile_name_is_grouped_like_any_other(name: str) -> None:
    assert len(units([tensor(name)], blocks=True)) == 1
