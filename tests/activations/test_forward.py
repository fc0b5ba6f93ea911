"""The lines of a forward pass."""

import re
from math import prod

import pytest

from memscan.activations import Pass, families, forward
from memscan.architecture.settings import Settings
from memscan.errors import FormatError, UsageError
from memscan.item import Basis

LLAMA = {
    "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "vocab_size": 128256,
}  # fmt: skip


def settings(model_type: str = "llama", **fields: object) -> Settings:
    return Settings(model_type, {**LLAMA, **fields})


def summed(formula: str) -> int:
    """The formula, computed: its numbers are its terms' factors."""
    bare = re.sub(r" \([^)]*\)", "", formula)
    return sum(prod(int(found.replace(",", "")) for found in re.findall(r"(?<!\w)[\d,]+", term)) for term in bare.split(" + "))


def test_a_prompt_of_a_llama():
    # Of every token three intermediate and four hidden states; of every position cosine, sine and its number; the cache aside.
    one = Pass(tokens=8192, sequences=4)
    working, logits = forward(settings(), "LlamaForCausalLM", one, logits_tokens=1)
    assert working.nbytes == 4 * 8192 * 2 * (3 * 14336 + 4 * 4096) + 8192 * (2 * 128 * 2 + 8)
    # The hidden states of all tokens and the logits of the last one.
    assert logits.nbytes == 4 * 8192 * 4096 * 2 + 4 * 128256 * 2
    assert (working.phases, logits.phases) == (frozenset({"prefill"}), frozenset({"logits"}))
    assert {line.basis for line in (working, logits)} == {Basis.DERIVED}


def test_generate_takes_the_last_logits_in_float32():
    _, logits = forward(settings(), "LlamaForCausalLM", Pass(tokens=1, sequences=64, past=100), logits_tokens=1)
    assert logits.nbytes == 64 * 128256 * (2 + 4)


@pytest.mark.parametrize(("model_type", "basis"), [("gemma2", Basis.DERIVED), ("gpt_oss", Basis.ASSUMED)])
def test_a_class_without_sdpa_runs_as_eager(model_type: str, basis: Basis):
    kind = settings(model_type, num_local_experts=4, num_experts_per_tok=2)
    asked, run = (forward(kind, None, Pass(tokens=512, sequences=1, attention=name))[0] for name in ("sdpa", "eager"))
    assert (asked.nbytes, asked.basis) == (run.nbytes, basis)
    assert "the class has no sdpa, so with eager attention" in asked.note
    assert "sdpa" not in run.note


def test_eager_attention_makes_all_scores():
    working, _ = forward(settings(), None, Pass(tokens=2048, sequences=1, attention="eager"), logits_tokens=1)
    scores = 32 * 2048 * 2048
    assert working.nbytes == pytest.approx(scores * (2 + 4 + 4), rel=0.1)  # and float32 in and out of the softmax


@pytest.mark.parametrize("model_type", ["llama", "qwen3", "gemma2", "mixtral"])
@pytest.mark.parametrize("logits_tokens", [None, 1])
def test_formulas_give_their_bytes(model_type: str, logits_tokens: int | None):
    found = forward(
        settings(model_type, num_local_experts=8, num_experts_per_tok=2),
        None,
        Pass(tokens=100, sequences=2),
        logits_tokens=logits_tokens,
    )
    assert [summed(line.formula) for line in found] == [line.nbytes for line in found]


def test_a_plain_pass_makes_the_logits_of_all_tokens():
    _, logits = forward(settings(), None, Pass(tokens=100, sequences=2))
    assert logits.nbytes == 200 * 2 * (128256 + 4096)


@pytest.mark.parametrize("model_type", families())
def test_every_family_grows_with_its_tokens_alone(model_type: str):
    fields = {"num_experts_per_tok": 2, "num_local_experts": 4} if "moe" in model_type or model_type == "mixtral" else {}
    kind = Settings(model_type, {**fields, "vocab_size": 1000})
    one, two = (forward(kind, None, Pass(tokens=512, sequences=count))[0] for count in (1, 2))
    assert one.basis is Basis.DERIVED
    assert one.nbytes < two.nbytes <= 2 * one.nbytes


def test_a_thousand_layers_take_no_longer_and_no_more():
    few, many = (
        forward(settings(num_hidden_layers=count), None, Pass(tokens=64, sequences=1), logits_tokens=1) for count in (4, 1000)
    )
    assert few == many


def test_tensor_parallel_divides_heads_and_intermediate_sizes():
    alone = forward(settings(), None, Pass(tokens=4096, sequences=1), logits_tokens=1)
    shared = forward(settings(), None, Pass(tokens=4096, sequences=1, tensor_parallel=4), logits_tokens=1)
    for one, whole in zip(shared, alone, strict=True):
        assert one.basis is Basis.ASSUMED
        assert whole.nbytes // 4 == one.low <= one.nbytes <= one.high == whole.nbytes
    assert shared[0].nbytes < alone[0].nbytes


def test_an_unknown_type_is_assumed_to_be_as_the_nearest():
    kind = Settings("nova", {**LLAMA, "rms_norm_eps": 1e-6})
    found, _ = forward(kind, "NovaForCausalLM", Pass(tokens=100, sequences=2), logits_tokens=1)
    known, _ = forward(settings(), "LlamaForCausalLM", Pass(tokens=100, sequences=2), logits_tokens=1)
    assert (found.basis, found.nbytes) == (Basis.ASSUMED, known.nbytes)
    assert (found.low, found.high) == (known.nbytes * 2 // 5, 3 * known.nbytes)
    assert "as Llama does it" in found.note


@pytest.mark.parametrize(
    ("fields", "class_name", "named"),
    [
        ({"image_size": 64, "patch_size": 8, "num_channels": 3}, "NovaModel", "ViT"),
        ({"max_position_embeddings": 99}, "NovaForMaskedLM", "BERT"),
        ({"num_local_experts": 4, "num_experts_per_tok": 2}, "NovaForCausalLM", "Mixtral"),
        ({"n_positions": 99}, "NovaForCausalLM", "GPT-2"),
    ],
)
def test_the_nearest_is_said(fields: dict[str, object], class_name: str, named: str):
    found, *_ = forward(Settings("nova", {**LLAMA, **fields}), class_name, Pass(tokens=64, sequences=1))
    assert named in found.note


def test_the_text_of_a_model_of_several_is_assumed():
    whole = Settings("llava", {"text_config": {"model_type": "llama", **LLAMA}, "vision_config": {"hidden_size": 64}})
    found, _ = forward(whole, "LlavaForConditionalGeneration", Pass(tokens=64, sequences=1), logits_tokens=1)
    assert (found.basis, found.note) == (Basis.ASSUMED, "of the text model llama alone, without what encodes images or sound")


def test_what_the_config_lacks_is_unknown():
    (found,) = forward(Settings("nova", {"rms_norm_eps": 1, "hidden_size": 64}), None, Pass(tokens=64, sequences=1))
    assert (found.nbytes, found.basis) == (None, Basis.UNKNOWN)
    assert "num_attention_heads is not there" in found.note


def test_an_activation_function_that_is_not_known_is_a_doubt():
    found, _ = forward(settings(hidden_act="snake"), None, Pass(tokens=64, sequences=1))
    assert found.basis is Basis.ASSUMED
    assert "the activation function snake" in found.note


@pytest.mark.parametrize(
    "wrong",
    [
        {"tokens": 0},
        {"sequences": -1},
        {"dtype": "int8"},
        {"attention": "flash"},
        {"past": -1},
        {"tensor_parallel": 0},
        {"target": 0},
    ],
)
def test_a_pass_without_sense_is_refused(wrong: dict[str, object]):
    with pytest.raises(UsageError):
        forward(settings(), None, Pass(**{"tokens": 8, "sequences": 1, **wrong}))


@pytest.mark.parametrize("field", ["hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size", "vocab_size"])
@pytest.mark.parametrize("value", ["many", -1, 1.5, True, 10**30, {}])
def test_fields_of_strangers_are_refused(field: str, value: object):
    with pytest.raises(FormatError):
        forward(settings(**{field: value}), None, Pass(tokens=8, sequences=1))


@pytest.mark.parametrize("model_type", families())
@pytest.mark.parametrize("value", [1, 7, 2**40])
def test_any_sizes_give_a_line_or_say_why_not(model_type: str, value: int):
    names = (
        "hidden_size",
        "num_attention_heads",
        "num_key_value_heads",
        "intermediate_size",
        "head_dim",
        "vocab_size",
        "patch_size",
        "d_kv",
    )
    for name in names:
        try:
            found = forward(Settings(model_type, {name: value}), None, Pass(tokens=8, sequences=1))
        except FormatError:
            continue
        assert all(line.nbytes is None or line.nbytes > 0 for line in found)
