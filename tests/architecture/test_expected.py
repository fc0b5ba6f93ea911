"""The tensors of one pattern: shapes that follow one rule in some places, and another elsewhere."""

from typing import Any

from memscan.architecture.expected import Expected, expected
from memscan.architecture.fields import Fields
from memscan.architecture.places import Places
from memscan.architecture.table import Family

CONFIG = {"dims": [8, 16, 16], "layers": 3, "kinds": ["full", "window", "full"], "wide": 64, "narrow": 32}
RULES = [[[["len", "dims"]], ["==", ["==", "#0", 1], 0]], [["layers", ["of", 0, 2]]]]
"""All but the second; and two numbers for each layer."""


def made(pattern: str, *values: Any) -> Expected:
    kind = Family("x", {"config": {}, "classes": {}})
    fields = Fields(kind, CONFIG)
    return expected(pattern, ["p", "", "Linear", *values], fields, Places(RULES, fields), optional=False)


def names(one: Expected) -> dict[str, tuple[int, ...]] | None:
    return None if one.named is None else dict(one.named)


def test_the_first_of_a_chain_has_a_rule_of_its_own() -> None:
    cases = [[["==", "#0", 0], [["at", "dims", 0], 1]], [1, [["item", "dims", "#0"], ["item", "dims", ["-", "#0", 1]]]]]
    one = made("conv.*.weight", ["len", "dims"], {"cases": cases})
    assert names(one) == {"conv.0.weight": (8, 1), "conv.1.weight": (16, 8), "conv.2.weight": (16, 16)}
    assert one.elements == 8 + 128 + 256


def test_the_first_case_that_holds_is_taken() -> None:
    cases = [[["word", "kinds", "#0", "full"], ["wide"]], [["==", "#0", 0], ["narrow"]], [1, ["narrow"]]]
    assert names(made("q.*", "layers", {"cases": cases})) == {"q.0": (64,), "q.1": (32,), "q.2": (64,)}


def test_cases_stand_beside_a_rule_of_places() -> None:
    one = made("n.*", None, {"cases": [[["==", "#0", 0], ["wide"]], [1, ["narrow", 2]]]}, None, None, 0)
    assert names(one) == {"n.0": (64,), "n.2": (32, 2)}


def test_a_switch_decides_for_one_tensor() -> None:
    one = made("table", 1, {"cases": [[["equal", "kind", "flat"], ["wide"]], [1, ["wide", "narrow"]]]})
    assert (one.shape, names(one)) == (None, None)  # the config says nothing of `kind`
    assert names(made("table", 1, {"cases": [[["positive", "layers"], ["wide"]], [1, ["narrow"]]]})) == {"table": (64,)}


def test_a_case_that_is_not_known_or_none_that_holds_leaves_the_shape_unknown() -> None:
    for cases in ([[["true", "nowhere"], ["wide"]], [1, ["wide"]]], [[["==", "#0", 0], ["wide"]]], [[1, ["nowhere"]]]):
        one = made("q.*", "layers", {"cases": cases})
        assert (one.shapes, one.elements, names(one)) == ((), None, None)


def test_groups_whose_numbers_stand_in_the_names_are_named() -> None:
    groups = [["0", "layers", ["wide", "narrow"]], ["2", "layers", ["narrow", "wide"]]]
    one = made("h.*.ffn.*.weight", None, {"star": 1, "groups": groups}, None, None, 1)
    found = names(one)
    assert found is not None
    assert (len(found), found["h.0.ffn.0.weight"], found["h.2.ffn.2.weight"]) == (6, (64, 32), (32, 64))


def test_groups_that_do_not_fill_the_places_are_not_named() -> None:
    groups = [["0", 1, ["wide"]], ["2", "layers", ["narrow"]]]
    one = made("h.*.ffn.*.weight", None, {"star": 1, "groups": groups}, None, None, 1)
    assert (names(one), one.elements) == (None, 64 + 3 * 32)


def test_many_numbers_are_counted_once() -> None:
    count = 100_000  # a stranger's config names as many layers as it likes
    kind = Family("x", {"config": {}, "classes": {}})
    fields = Fields(kind, {"layers": count})
    values = ["p", "", "", "layers", {"star": 0, "groups": [["0", 1, [2]], ["1", ["-", "layers", 1], [3]]]}]
    one = expected("h.*", values, fields, Places([], fields), optional=False)
    assert (one.count, names(one)) == (count, None)
