"""Lines for people: patterns, extents, order, the tree of modules."""

import pytest

from memscan.compare import Kind
from memscan.compare.pattern import pattern_of
from tests.compare.sides import diff, experts, llama, of_names
from tests.writers.tensors import tensor


@pytest.mark.parametrize(
    ("name", "pattern", "numbers"),
    [
        ("model.layers.3.mlp.experts.17.up_proj.weight", "model.layers.*.mlp.experts.*.up_proj.weight", ("3", "17")),
        ("layer1.0.conv1.weight", "layer1.*.conv1.weight", ("0",)),
        ("3", "*", ("3",)),
        ("a.3", "a.*", ("3",)),
        ("3.4", "*.*", ("3", "4")),
        ("a.03.b", "a.*.b", ("03",)),
        ("a.٣.b", "a.٣.b", ()),
        ("a.*.3", "a.*.3", ()),
        ("", "", ()),
        ("a..1", "a..*", ("1",)),
        ("a.1\n.b", "a.1\n.b", ()),
    ],
)
def test_a_pattern(name, pattern, numbers):
    assert pattern_of(name) == (pattern, numbers)


def test_experts_are_one_line():
    found = diff(experts(layers=5, count=8), experts(layers=5, count=8, dtype="F8_E4M3"))
    assert [(group.pattern, group.extents, group.tensors, group.dtypes) for group in found.groups] == [
        (f"model.layers.*.mlp.experts.*.{name}.weight", (5, 8), 40, ("BF16", "F8_E4M3"))
        for name in ("down_proj", "gate_proj", "up_proj")
    ]
    assert all(group.kinds == (Kind.RETYPED,) for group in found.groups)
    assert found.groups[0].shapes == ((128, 64), (128, 64))
    assert [group.growth for group in found.groups] == [-40 * 128 * 64] * 3


def test_combinations_that_are_not_all_there_are_counted_alone():
    before = of_names({f"layers.{n}.experts.{e}.w": (2,) for n in range(3) for e in range(n + 1)})
    found = diff([], before)
    assert [(group.extents, group.tensors) for group in found.groups] == [((), 6)]


def test_shapes_that_differ_within_a_line_are_not_shown_as_one():
    found = diff([], of_names({f"layers.{n}.w": (n + 1,) for n in range(3)}))
    assert found.groups[0].shapes == (None, None)


def test_lines_are_ordered_by_the_bytes_that_came_or_went():
    before = of_names({"a.w": (10,), "b.w": (5,), "c.w": (1,)})
    after = of_names({"a.w": (10,), "b.w": (1,), "c.w": (100,), "d.w": (50,)})
    assert [group.pattern for group in diff(before, after).groups] == ["c.w", "d.w", "b.w"]


def test_the_tree_has_blocks_of_one_kind_together():
    found = diff(llama(layers=3), llama(layers=5))
    names = [node.name for _, node in found.modules.walk()]
    assert names[:4] == ["model", "model.embed_tokens", "model.layers.*", "model.layers.*.self_attn"]
    layers = next(node for _, node in found.modules.walk() if node.name == "model.layers.*")
    assert layers.growth == found.growth
    assert layers.after_bytes * 3 == layers.before_bytes * 5


def test_a_rename_is_no_growth_of_a_module():
    found = diff(llama(prefix="old."), llama(prefix="new."))
    assert all(node.growth == 0 for _, node in found.modules.walk())


def test_a_name_of_a_million_dots_is_one_branch():
    long = "a" + ".b" * 1_000_000
    found = diff([tensor(long)], [tensor(long, (2,)), tensor("c" + ".1" * 1_000_000)])
    assert found.growth == 8
    assert max(level for level, _ in found.modules.walk()) <= 3
