"""A config's fields: given, under another name, derived, by default, inside another config, and of a wrong type."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memscan.architecture import Config
from memscan.architecture.settings import GGUF, Settings
from memscan.errors import FormatError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def of(model_type, **values):
    return Settings(model_type, values)


def test_what_is_given_comes_first():
    assert of("mistral", sliding_window=7).integer("sliding_window") == 7


def test_an_alias_is_the_field_that_it_names():
    assert of("gpt2", n_layer=3).integer("num_hidden_layers") == 3
    assert of("gpt2", num_hidden_layers=4).integer("n_layer") == 4


def test_a_rule_of_the_table_comes_before_a_default():
    assert of("llama", num_attention_heads=12).integer("num_key_value_heads") == 12
    assert of("llama", hidden_size=96, num_attention_heads=12, head_dim=None).integer("head_dim") == 8


def test_a_default_is_that_of_the_class():
    assert of("gemma3_text").integer("sliding_window") == 4096
    assert of("qwen2").flag("use_sliding_window") is False
    assert of("llama").integer("sliding_window") is None


def test_what_a_gguf_file_does_not_say_is_not_a_default():
    keys = Settings("qwen2", {"num_hidden_layers": 3}, GGUF)
    assert keys.integer("num_hidden_layers") == 3
    assert keys.integer("num_attention_heads") is None
    assert of("qwen2", num_hidden_layers=3).integer("num_attention_heads") == 32


def test_null_is_no_value_and_hides_the_default():
    assert of("mistral", sliding_window=None).integer("sliding_window") is None
    assert of("mistral").integer("sliding_window") == 4096


def test_a_type_that_nobody_knows_has_what_is_given():
    assert of("chatglm", num_layers=28).layers("num_hidden_layers", "num_layers") == 28
    assert of(None).integer("hidden_size") is None


def test_the_text_config_is_found_wherever_it_is():
    values = {"model_type": "gemma3", "text_config": {"num_hidden_layers": 5}}
    text = Settings("gemma3", values).text
    assert (text.model_type, text.integer("num_hidden_layers")) == ("gemma3_text", 5)
    omni = Settings("qwen2_5_omni", {"thinker_config": {"text_config": {"model_type": "qwen2_5_omni_text", "hidden_size": 8}}})
    assert omni.text.integer("hidden_size") == 8
    assert of("llama", hidden_size=8).text.integer("hidden_size") == 8


def test_a_config_from_before_there_were_configs_inside_gives_its_own_words():
    old = Settings("qwen2_vl", {"model_type": "qwen2_vl", "num_hidden_layers": 3, "hidden_size": 16})
    assert old.text.integer("num_hidden_layers") == 3


def test_a_default_of_the_config_inside_is_its_own():
    assert Settings("llava", {"text_config": {}}).text.model_type == "llama"


@pytest.mark.parametrize("value", ["12", True, -1, 1 << 90, 1.5, {}, float("inf")])
def test_a_number_that_is_none_is_an_error_that_names_it(value):
    with pytest.raises(FormatError, match=r"^config.json: hidden_size is .*, expected a whole number$"):
        of("llama", hidden_size=value).integer("hidden_size")


def test_layers_are_bounded():
    with pytest.raises(FormatError, match="at most 10,000 layers"):
        of("llama", num_hidden_layers=10**9).layers("num_hidden_layers")


def test_the_place_of_an_inner_field_is_named():
    with pytest.raises(FormatError, match=r"^config\.json: text_config: hidden_size is 'x'"):
        Settings("gemma3", {"text_config": {"hidden_size": "x"}}).text.integer("hidden_size")


def test_a_plan_of_transformers_is_there():
    assert of("llama").tensor_parallel_plan["layers.*.self_attn.q_proj"] == "colwise"
    assert not of("gpt2").tensor_parallel_plan


@given(JSON, st.sampled_from(["llama", "gpt2", "gemma3", "t5", None, "nobody"]))
@settings(max_examples=300)
def test_anything_gives_a_value_or_a_format_error(value, model_type):
    found = Settings.of(Config.of_words({"model_type": model_type or "", "x": value, "text_config": value}, "config.json")).text
    for getter in (found.integer, found.number, found.integers, found.texts, found.text_of, found.layers, found.flag):
        try:
            getter("x", "hidden_size")
        except FormatError as error:
            assert "\n" not in str(error)  # noqa: PT017 -- either is right


def test_an_older_name_is_the_field_that_has_taken_its_place():
    assert of("bloom", n_embed=14336).integer("hidden_size") == 14336
    assert of("falcon", n_embed=96, hidden_size=48).integer("hidden_size") == 96
