"""Numbers as expressions of config fields: every operator, and values that no operator takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.architecture.expression import ASKED, COMPUTED, LARGEST, UNKNOWN, evaluate, fields

VALUES = {"width": 64, "heads": 4, "on": True, "off": False, "nothing": None, "ratio": 2.5, "sizes": [8, 16, 32],
          "kinds": ["a", "b", "a"],
          "word": "gelu", "below.size": 7, "zero": 0, "whole": 1200.0, "endless": float("inf")}  # fmt: skip


def value(path: str) -> object:
    return VALUES.get(path, UNKNOWN)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (5, 5),
        ("width", 64),
        ("below.size", 7),
        ("absent", None),
        ("whole", 1200),
        ("endless", None),
        ("on", None),  # a boolean is no number
        ("word", None),
        (["+", "width", 1], 65),
        (["-", "width", "heads"], 60),
        (["*", "width", ["//", "width", "heads"]], 1024),
        (["ceil", "width", 3], 22),
        (["//", "width", 3], 21),
        (["**", "heads", 2], 16),
        (["max", "width", "heads"], 64),
        (["min", "width", "heads"], 4),
        (["%", "width", 7], 1),
        (["==", "width", 64], 1),
        (["!=", "width", "heads"], 1),
        (["<", "width", "heads"], 0),
        (["<=", "heads", "heads"], 1),
        (["==", "width", "absent"], None),
        (["%", "width", "zero"], None),
        (["//", "width", "zero"], None),
        (["ceil", "width", 0], None),
        (["+", "width", "absent"], None),
        (["*", "zero", "absent"], 0),  # what a switch turns off needs no other number
        (["*", "absent", 0], 0),
        (["int*", "width", "ratio"], 160),
        (["int*", "width", "word"], None),
        (["int*", "width", "nothing"], 64),  # no ratio: all of it
        (["int*", "width", "absent"], None),
        (["int*", "width", 2], None),
        (["item", "sizes", 1], 16),
        (["item", "sizes", ["-", "heads", 2]], 32),
        (["item", "sizes", 3], None),
        (["item", "sizes", -1], None),  # a layer before the first has no size
        (["item", "word", 0], None),
        (["in", "sizes", 16], 1),
        (["in", "sizes", "heads"], 0),
        (["in", "nothing", 0], 0),
        (["in", "width", 0], None),
        (["in", "absent", 0], None),
        (["word", "kinds", 2, "a"], 1),
        (["word", "kinds", 1, "a"], 0),
        (["word", "kinds", 3, "a"], None),
        (["true", "on"], 1),
        (["true", "off"], 0),
        (["false", "off"], 1),
        (["none", "nothing"], 1),
        (["some", "width"], 1),
        (["positive", "heads"], 1),
        (["positive", "zero"], 0),
        (["true", "absent"], None),
        (["equal", "word", "gelu"], 1),
        (["equal", "word", "relu"], 0),
        (["len", "sizes"], 3),
        (["sum", "sizes"], 56),
        (["sum", "kinds"], None),
        (["at", "sizes", 1], 16),
        (["at", "sizes", -1], 32),
        (["at", "sizes", 3], None),
        (["at", "kinds", 0], None),
        (["count", "kinds", "a"], 2),
        (["count", "word", "a"], None),
        (["if", ["true", "on"], "width", "heads"], 64),
        (["if", ["true", "off"], "width", "heads"], 4),
        (["if", ["true", "absent"], "width", "heads"], None),
        (["no such operator", "width"], None),
        ([], None),
        (None, None),
    ],
    ids=str,
)
def test_an_expression(expression: object, expected: int | None) -> None:
    assert evaluate(expression, value) == expected


def test_the_fields_of_an_expression() -> None:
    asked = ["if", ["equal", "word", "gelu"], ["*", "width", 2], ["at", "sizes", 1]]
    assert fields(asked) == {"word", "width", "sizes"}
    assert fields(7) == frozenset()


def test_a_deep_expression_is_not_known() -> None:
    deep: object = 1
    for _ in range(5000):
        deep = ["+", deep, 1]
    assert evaluate(deep, value) is None


def test_a_ratio_of_a_number_beyond_any_float_is_not_known() -> None:
    assert evaluate(["int*", "huge", "ratio"], {"huge": 10**400, "ratio": 0.5}.get) is None
    assert evaluate(["int*", "huge", "ratio"], {"huge": 7, "ratio": float("nan")}.get) is None


def test_a_number_beyond_any_tensor_is_not_known() -> None:
    assert evaluate(["*", "huge", "huge"], {"huge": LARGEST - 1}.get) is None
    assert evaluate(["**", "huge", 4], {"huge": LARGEST - 1}.get) is None
    assert evaluate(["**", 2, "huge"], {"huge": LARGEST - 1}.get) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(min_value=-(10**400), max_value=10**400) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(COMPUTED)), JSON, JSON)
def test_an_operator_of_two_fields_takes_anything(operator: str, left: object, right: object) -> None:
    found = evaluate([operator, "left", "right"], {"left": left, "right": right}.get)
    assert found is None or (isinstance(found, int) and abs(found) < LARGEST)


@given(st.sampled_from(sorted(ASKED)), JSON, st.integers(-3, 3) | st.text(max_size=3))
def test_an_operator_of_one_field_takes_anything(operator: str, given_value: object, word: object) -> None:
    operands = [word] if operator in {"equal", "at", "count"} else []
    found = evaluate([operator, "field", *operands], {"field": given_value}.get)
    assert found is None or isinstance(found, int)


@given(JSON, JSON)
def test_a_ratio_takes_anything(whole: object, ratio: object) -> None:
    found = evaluate(["int*", "whole", "ratio"], {"whole": whole, "ratio": ratio}.get)
    assert found is None or isinstance(found, int)
