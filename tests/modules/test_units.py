"""The units that stay whole on one device."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.modules import BlockOf, blocks_like, no_block, numbered_block, units
from tests.writers.tensors import tensor


def names(*tensors: str, block_of: BlockOf = numbered_block) -> list[str]:
    return [unit.name for unit in units(map(tensor, tensors), block_of=block_of)]


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
    (unit,) = units([tensor(name), tensor(f"{name}.more")], block_of=numbered_block)[:1]
    assert unit.name == block


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
    assert names(*given_names, block_of=no_block) == ["model.layers.0.a", "model.layers.0.b", "model.layers.1.a"]
    assert names(*given_names) == ["model.layers.0", "model.layers.1"]


def test_units_come_in_the_order_of_their_first_tensor() -> None:
    assert names("layers.10.a.w", "z.w", "layers.2.a.w", "layers.10.b.w", "a.w") == ["layers.10", "z", "layers.2", "a"]


def test_a_tensor_without_a_module_stands_alone() -> None:
    assert names("a", "b", "cls_token") == ["a", "b", "cls_token"]


def test_a_tensor_in_a_module_with_modules_below_it_stands_alone() -> None:
    found = names("vit.cls_token", "vit.pos", "vit.proj.weight", "vit.proj.bias", "head.scale", "head.a.b.weight")
    assert found == ["vit.cls_token", "vit.pos", "vit.proj", "head.scale", "head.a.b"]


def test_the_owner_tells_what_the_names_do_not() -> None:
    """A module whose children hold no tensor, as a parametrization or an activation, is a module above them all the same."""
    given_tensors = [tensor("vit.cls_token"), tensor("vit.pos"), tensor("proj.weight"), tensor("proj.bias"), tensor("x.w")]
    owners = {"vit.cls_token": "/", "vit.pos": "/", "proj.weight": "Linear", "proj.bias": "Linear"}
    found = [unit.name for unit in units(given_tensors, block_of=no_block, owners=owners)]
    assert found == ["vit.cls_token", "vit.pos", "proj", "x"]


class TestBlocksLike:
    """The blocks that a class names, whatever they are called."""

    PATTERNS = frozenset({"model.layers.*", "encoder.stages.*.rows.*"})

    @pytest.mark.parametrize(
        ("name", "unit"),
        {
            "model.layers.17.mlp.up_proj.weight": "model.layers.17",
            "model.layers.0.scale": "model.layers.0",
            "model.layers.norm.weight": "model.layers.norm",
            "layers.0.mlp.up_proj.weight": "layers.0.mlp.up_proj",
            "encoder.stages.3.rows.12.conv.weight": "encoder.stages.3.rows.12",
            "encoder.stages.3.down.weight": "encoder.stages.3.down",
            "vision.blocks.0.a.weight": "vision.blocks.0.a",
        }.items(),
    )
    def test_they_stay_whole_and_no_others(self, name: str, unit: str) -> None:
        assert names(name, block_of=blocks_like(self.PATTERNS)) == [unit]

    def test_the_outermost_counts(self) -> None:
        nested = frozenset({"h.*", "h.*.experts.*"})
        assert names("h.3.experts.1.w", "h.3.attn.w", block_of=blocks_like(nested)) == ["h.3"]

    def test_without_any_it_is_no_block(self) -> None:
        assert names("layers.0.a.w", "layers.0.b.w", block_of=blocks_like(frozenset())) == ["layers.0.a", "layers.0.b"]

    def test_it_is_a_value(self) -> None:
        assert blocks_like(frozenset({"h.*"})) == blocks_like(frozenset({"h.*"})) != blocks_like(frozenset({"x.*"}))


def test_a_unit_holds_its_tensors_in_order_and_their_bytes() -> None:
    parts = [tensor("h.0.a.w", (2,)), tensor("wte.w", (5,), "F16"), tensor("h.0.b.w", (3,), "I64")]
    first, second = units(parts, block_of=numbered_block)
    assert (first.tensors, first.nbytes) == ((parts[0], parts[2]), 8 + 24)
    assert (second.tensors, second.nbytes) == ((parts[1],), 10)


WORDS = st.sampled_from(["model", "layers", "h", "block", "0", "17", "weight", "", "\N{ARABIC-INDIC DIGIT THREE}", "x_layer"])


RULES = st.sampled_from([no_block, numbered_block, blocks_like(frozenset({"model.layers.*", "h.*", "*.x_layer.*"}))])


@given(st.sets(st.lists(WORDS, min_size=1, max_size=6).map(".".join), max_size=12), RULES)
def test_every_tensor_is_in_exactly_one_unit_above_it(given_names: set[str], block_of: BlockOf) -> None:
    found = units([tensor(name) for name in sorted(given_names)], block_of=block_of)
    assert sorted(one.name for unit in found for one in unit.tensors) == sorted(given_names)
    assert len({unit.name for unit in found}) == len(found)
    assert all(one.name == unit.name or one.name.startswith(f"{unit.name}.") for unit in found for one in unit.tensors)


@pytest.mark.parametrize(
    "name", ["." * 100_000, "a." * 100_000, "layers." * 100_000 + "0", "h" * 100_000 + ".0.w", "0." * 100_000]
)
def test_a_hostile_name_is_grouped_like_any_other(name: str) -> None:
    for block_of in (numbered_block, no_block, blocks_like(frozenset({"layers.*", "0.*"}))):
        assert len(units([tensor(name)], block_of=block_of)) == 1


def test_a_run_of_tensors_in_a_block_asks_for_it_once() -> None:
    asked: list[str] = []

    def block_of(module: str) -> str | None:
        asked.append(module)
        return numbered_block(module)

    parts = [tensor(f"model.layers.{layer}.experts.{one}.weight") for layer in range(3) for one in range(200)]
    assert [unit.name for unit in units(parts, block_of=block_of)] == [f"model.layers.{layer}" for layer in range(3)]
    assert len(asked) == 3
