"""Patterns of strangers: what real configs write matches as `re.match` does, and nothing takes long."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.packing.targets import MAX_LENGTH, Pattern, is_name
from tests.effort import effort

NAMES = [
    "model.layers.0.self_attn.q_proj", "model.layers.1.mlp.gate_proj", "model.layers.11.mlp.down_proj",
    "model.layers.1.mlp.experts.7.up_proj", "model.layers.1.mlp.shared_experts.up_proj", "lm_head", "model.embed_tokens",
    "vision_tower.blocks.3.mlp.fc0", "model.layers.1.mlp.gate", "model.layers.1.mlp.gate_up_proj",
]  # fmt: skip
REAL = [
    r".*self_attn.*", r".*shared_experts.*", r".*mlp\.(gate|up|gate_up|down)_proj.*", r".*lm_head", r"model\.layers\.0\..*",
    r".*mlp.gate$", r"vision_tower.*", r"^model\.layers\.\d+\.mlp\.down_proj$", r".*\.(q|k|v)_proj", r".*experts\.[0-9]+\..*",
    r"model\.layers\.(?:0|11)\.(mlp|self_attn)\..*_proj$", r".*", r"lm_head$", r"model",
]  # fmt: skip


@pytest.mark.parametrize("pattern", REAL)
def test_what_real_configs_write_matches_as_a_regular_expression(pattern: str) -> None:
    found = [name for name in NAMES if Pattern.parse(f"re:{pattern}").matches(name)]
    assert found == [name for name in NAMES if re.match(pattern, name)]


@pytest.mark.parametrize(
    ("glob", "names"),
    [("model.layers.*.mlp.gate", ["model.layers.1.mlp.gate"]), ("*.self_attn.*", [NAMES[0]]), ("lm_*", ["lm_head"]), ("x*", [])],
)
def test_globs_match_whole_names(glob: str, names: list[str]) -> None:
    assert [name for name in NAMES if Pattern.parse(glob).matches(name)] == names


@pytest.mark.parametrize("pattern", [r"(?!lm_head).*", r"(a)\1(?<=b)", "(", "[", "a{", "*", "(" * 50 + ")" * 50, "a|" * 200, ")"])
def test_what_cannot_be_followed_matches_nothing_or_less(pattern: str) -> None:
    Pattern.parse(f"re:{pattern}").matches("lm_head")  # no traceback


def test_look_around_matches_nothing() -> None:
    assert not Pattern.parse(r"re:(?!lm_head).*").matches("model")


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*)*x", ".*" * 400 + "x", "((a*)*)*" * 40])
def test_a_pattern_that_would_never_end_ends(pattern: str) -> None:
    with effort() as spent:
        Pattern.parse(f"re:{pattern}").matches("a" * 20_000)
    assert spent.loops < 80


def test_an_endless_pattern_matches_nothing() -> None:
    assert not Pattern.parse("re:" + "a?" * MAX_LENGTH).matches("a")


@given(st.text("ab.*+?()|[]{}\\$^:", max_size=30), st.text("ab.", max_size=12))
def test_any_pattern_is_read(pattern: str, name: str) -> None:
    Pattern.parse(f"re:{pattern}").matches(name)


@given(st.lists(st.sampled_from(["a", "b", ".*", r"\.", "(a|b)", "(?:ab|b)"]), max_size=6), st.text("ab.", max_size=8))
def test_the_common_subset_is_exact(atoms: list[str], name: str) -> None:
    pattern = "".join(atoms)
    assert Pattern.parse(f"re:{pattern}").matches(name) == bool(re.match(pattern, name))


@pytest.mark.parametrize(("target", "expected"), [("lm_head", True), ("Linear", False), ("re:x", False), ("a.*", False)])
def test_a_name_is_no_pattern_and_no_class(target: str, expected: bool) -> None:
    assert is_name(target) is expected
