"""Fields under their other names, and what a config class makes of what is given beside them: as transformers reads them.

The numbers are those of `AutoConfig.from_pretrained(FILE, ...)` and the declared class on the meta device, transformers 5.23.0.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from memscan import UsageError, scan

GPT2 = {
    "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257,
    "n_positions": 1024,
}  # fmt: skip
BERT = {"model_type": "bert", "architectures": ["BertForTokenClassification"], "id2label": {"0": "A", "1": "B", "2": "C"}}
SMALLER_GPT2 = 53_561_088


@pytest.fixture
def parameters(tmp_path: Path) -> Callable[..., int | None]:
    """The parameters of a config, some of its fields changed."""

    def parameters(config: dict[str, object], **changes: object) -> int | None:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        return scan(path, set=changes or None, scope="checkpoint").scopes["checkpoint"].parameters

    return parameters


def test_a_field_may_be_changed_under_its_alias(parameters):
    assert parameters(GPT2) == 124_439_808
    assert parameters(GPT2, num_hidden_layers=2) == parameters(GPT2, n_layer=2) == SMALLER_GPT2
    assert parameters({**GPT2, "num_hidden_layers": 5}, n_layer=2) == SMALLER_GPT2


def test_where_both_are_given_the_alias_has_the_last_word(parameters):
    assert parameters({**GPT2, "num_hidden_layers": 2}) == parameters({"num_hidden_layers": 2, **GPT2}) == SMALLER_GPT2


def test_but_for_aliases_that_a_config_class_declares(parameters):
    config = {"model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "num_hidden_layers": 2}
    assert parameters({**config, "num_local_experts": 8, "num_experts": 16}) == parameters({**config, "num_local_experts": 8})


def test_what_is_made_of_a_field_is_made_before_its_alias_counts(parameters):
    """Of T5 the number of decoder layers is that of encoder layers by default, whatever their alias says."""
    t5 = {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}
    assert parameters({**t5, "num_hidden_layers": 3}) == 51_066_368


def test_labels_may_be_fewer_or_more_than_their_names(parameters):
    three, five = parameters(BERT), parameters(BERT, num_labels=5)
    assert three is not None
    assert five is not None
    assert five - three == 2 * (768 + 1)
    assert parameters({**BERT, "num_labels": 5}) == five


def test_fields_of_a_text_model_beside_its_config_count_only_where_the_class_hands_them_on(parameters):
    gemma = {"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"]}
    assert parameters({**gemma, "num_hidden_layers": 3}) == parameters(gemma) == 2_723_312_896
    qwen = {"model_type": "qwen2_vl", "architectures": ["Qwen2VLForConditionalGeneration"], "num_hidden_layers": 3}
    assert parameters(qwen) == parameters({**qwen, "num_hidden_layers": 80}, num_hidden_layers=3)


def test_a_field_of_what_is_no_config(parameters):
    with pytest.raises(UsageError, match="'n_embd' is a field that holds no config"):
        parameters(GPT2, **{"n_embd.x": 1})


@pytest.mark.parametrize(("dtype", "nbytes"), [("float64", 8), ("float32", 4), ("float16", 2)])
def test_the_declared_dtype(tmp_path: Path, dtype: str, nbytes: int):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**GPT2, "dtype": dtype}))
    report = scan(path, scope="checkpoint")
    assert report.model.checkpoint.nbytes == nbytes * 124_439_808
    assert not any(note.code == "dtype-assumed" for note in report.notes)


def test_a_declared_dtype_of_no_dense_model_is_named(tmp_path: Path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**GPT2, "dtype": "float8_e4m3fn"}))
    (message,) = [note.message for note in scan(path).notes if note.code == "dtype-assumed"]
    assert "'float8_e4m3fn'" in message
    assert "float32 is assumed" in message


@pytest.mark.parametrize("model_type", ["qwen3_next", "qwen3_5_text"])
def test_every_so_many_layers_attend_to_all(parameters, model_type: str):
    """`full_attention_interval` is no field of the config class, which makes the list of layers of it."""
    heads = {"qwen3_next": "Qwen3NextForCausalLM", "qwen3_5_text": "Qwen3_5ForCausalLM"}
    config = {"model_type": model_type, "architectures": [heads[model_type]], "num_hidden_layers": 8}
    listed = ["linear_attention"] * 7 + ["full_attention"]
    assert parameters({**config, "full_attention_interval": 8}) == parameters({**config, "layer_types": listed})
    assert parameters({**config, "full_attention_interval": 4}) == parameters(config)
    assert parameters({**config, "full_attention_interval": 8}) != parameters(config)
