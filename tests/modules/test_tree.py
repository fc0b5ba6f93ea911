"""The tree of modules that dotted names spell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.modules import Module, tree
from tests.writers.tensors import tensor

TENSORS = [
    tensor("model.layers.0.a.weight", (2, 3)),
    tensor("model.layers.0.a.bias", (3,)),
    tensor("model.layers.0.inv_freq", (4,)),
    tensor("model.layers.10.a.weight", (2, 3), "F16"),
    tensor("model.layers.2.a.weight", (2, 3), "F16"),
    tensor("head.weight", (5,)),
    tensor("scale", ()),
    tensor("ids", (2,), "I64"),
]


def lines(module: Module) -> list[tuple[int, str]]:
    return [(level, child.name) for level, child in module.walk()]


def test_the_root_counts_everything() -> None:
    root = tree(TENSORS, 2)
    assert (root.name, root.parameters, root.buffers, root.nbytes) == (
        "",
        6 + 3 + 6 + 6 + 5 + 1,
        4 + 2,
        4 * (6 + 3 + 4 + 5 + 1) + 2 * 12 + 16,
    )


def test_a_module_counts_all_that_is_below_it() -> None:
    found = {child.name: child for _, child in tree(TENSORS, 9).walk()}
    zero = found["model.layers.0"]
    assert (zero.parameters, zero.buffers, zero.nbytes) == (9, 4, 52)
    assert (found["head"].parameters, found["head"].nbytes) == (5, 20)


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (0, []),
        (1, [(1, "head"), (1, "ids"), (1, "model"), (1, "scale")]),
        (2, [(1, "head"), (1, "ids"), (1, "model"), (2, "model.layers"), (1, "scale")]),
        (
            3,
            [(1, "head"), (1, "ids"), (1, "model"), (2, "model.layers"), (3, "model.layers.0"), (3, "model.layers.2"),
             (3, "model.layers.10"), (1, "scale")],
        ),
    ],
)  # fmt: skip
def test_the_tree_ends_at_its_depth_and_numbers_are_in_order(depth: int, expected: list[tuple[int, str]]) -> None:
    assert lines(tree(TENSORS, depth)) == expected


def test_a_tensor_is_no_module_of_its_own_below_the_root() -> None:
    assert "model.layers.0.a.weight" not in {child.name for _, child in tree(TENSORS, 99).walk()}


def test_a_module_with_the_name_of_a_root_tensor_holds_both() -> None:
    (only,) = tree([tensor("a"), tensor("a.weight")], 3).children
    assert (only.name, only.parameters) == ("a", 2)


def test_no_tensor_is_an_empty_root() -> None:
    assert tree([], 3) == Module(name="", parameters=0, buffers=0, nbytes=0, children=())


@pytest.mark.parametrize(
    ("name", "depth"), [("." * 1_000_000, 3), ("a." * 500_000 + "w", 3), ("1" * 1_000_000 + ".w", 3), ("a." * 200 + "w", 150)]
)
def test_a_hostile_name_costs_no_more_than_the_depth(name: str, depth: int) -> None:
    assert max(level for level, _ in tree([tensor(name)], depth).walk()) <= depth


NAMES = st.lists(st.sampled_from(["a", "b", "0", "10", "2", ""]), min_size=1, max_size=5).map(".".join)


@given(st.sets(NAMES, max_size=10), st.integers(0, 6))
def test_nothing_is_lost_or_counted_twice(given_names: set[str], depth: int) -> None:
    tensors = [tensor(name, (number + 1,)) for number, name in enumerate(sorted(given_names))]
    root = tree(tensors, depth)
    assert root.parameters == sum(one.elements for one in tensors)
    for _, module in [(0, root), *root.walk()]:
        # A tensor at the root stands for a module of its own; `a.b` is a tensor of the module `a` alone.
        names = {one.name: one.nbytes for one in tensors if module is root or one.name.startswith(f"{module.name}.")}
        names |= {one.name: one.nbytes for one in tensors if one.name == module.name and "." not in one.name}
        assert module.nbytes == sum(names.values())
        assert module.nbytes >= sum(child.nbytes for child in module.children)
