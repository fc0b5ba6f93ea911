"""What the mixes say of models that llama.cpp does not take as they are, and of what nobody expects."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.errors import UsageError
from memscan.quantizers.base import Dense, Weight
from memscan.quantizers.ggml_mixes import QUANTIZERS, GgmlMix
from memscan.quantizers.ggml_roles import Role, role
from memscan.quantizers.ggml_types import RULES, more_bits
from tests.quantizers.dense import weight

Q4 = GgmlMix(name="Q4_K_M")
LAYER = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj")


def llama(*more: Weight, layers: int = 2, width: int = 256, model_type: str | None = "llama", **config: object) -> Dense:
    weights = [weight("model.embed_tokens.weight", 300, width, module="Embedding")]
    for number in range(layers):
        weights += [weight(f"model.layers.{number}.{name}.weight", width, width) for name in LAYER]
    return Dense(weights=(*weights, *more), model_type=model_type, config=config)


def types(dense: Dense, mix: GgmlMix = Q4) -> dict[str, str]:
    return {tensor.name.removesuffix(".weight"): tensor.dtype.name for tensor in mix.quantize(dense).tensors}


def test_a_type_of_model_that_the_converter_is_not_known_to_take_is_refused() -> None:
    with pytest.raises(UsageError, match=r"Q4_K_M: what llama\.cpp makes of a model of type 'vit' is not known"):
        Q4.quantize(llama(model_type="vit"))


def test_without_a_config_the_names_decide_and_it_is_said() -> None:
    made = Q4.quantize(llama(model_type=None))
    assert "no model type is known" in (made.assumed or "")
    assert {tensor.dtype.name for tensor in made.tensors} == {"Q4_K", "Q6_K"}


def test_a_matrix_without_a_known_name_is_said() -> None:
    made = Q4.quantize(llama(weight("model.layers.0.mystery.weight", 256, 256)))
    assert made.assumed == "1 matrices with names not known, as 'model.layers.0.mystery.weight', have the usual type"
    assert made.tensors[-1].dtype.name == "Q4_K"


def test_biases_norms_and_routers_are_float32() -> None:
    kept = (
        weight("model.norm.weight", 256), weight("model.layers.0.mlp.gate.weight", 4, 256),
        weight("model.layers.0.self_attn.q_proj.bias", 256), weight("model.layers.0.self_attn.q_norm.weight", 4, 64),
    )  # fmt: skip
    made = Q4.quantize(llama(*kept)).tensors[-4:]
    assert [(tensor.dtype.name, tensor.nbytes) for tensor in made] == [("F32", 1024), ("F32", 4096), ("F32", 1024), ("F32", 1024)]


def test_an_encoder_of_pictures_keeps_16_bits_and_it_is_said() -> None:
    made = Q4.quantize(llama(weight("vision_tower.blocks.0.v_proj.weight", 64, 64)))
    assert (made.tensors[-1].dtype.name, made.tensors[-1].nbytes) == ("BF16", 2 * 64 * 64)
    assert "mmproj" in (made.assumed or "")


def test_what_the_converter_leaves_out_counts_nothing_and_it_is_said() -> None:
    made = Q4.quantize(llama(weight("model.layers.0.self_attn.rotary_emb.inv_freq", 32, buffer=True)))
    assert made.tensors[-1].nbytes == 0
    assert "1 tensors, rotary frequencies and the like, are left out" in (made.note or "")


def test_the_embedding_has_the_type_of_the_output_where_there_is_none() -> None:
    head = weight("lm_head.weight", 300, 256)
    assert types(llama())["model.embed_tokens"] == "Q6_K"
    assert (types(llama(head))["model.embed_tokens"], types(llama(head))["lm_head"]) == ("Q4_K", "Q6_K")


@pytest.mark.parametrize(("width", "expected"), [(256, "Q4_K"), (96, "Q5_0"), (40, "F16")])
def test_rows_that_blocks_do_not_fill_fall_back(width: int, expected: str) -> None:
    assert types(llama(width=width))["model.layers.0.self_attn.q_proj"] == expected


def test_layers_are_counted_by_their_numbers_and_not_by_their_order() -> None:
    model = llama(layers=12)
    turned = Dense(weights=model.weights[::-1], model_type="llama")
    assert types(turned) == types(model)


def test_a_third_of_the_layers_gets_more_bits() -> None:
    assert [layer for layer in range(32) if more_bits(layer, 32)] == [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31]


@pytest.mark.parametrize("mix", QUANTIZERS, ids=lambda mix: mix.name)
def test_a_model_without_weights_has_no_bytes(mix: GgmlMix) -> None:
    assert mix.quantize(Dense(weights=(), model_type="llama")).tensors == ()


def test_a_matrix_without_elements_has_no_bytes() -> None:
    empty = [weight("model.layers.0.mlp.up_proj.weight", 0, 256), weight("model.layers.0.mlp.w1.weight", 256, 0)]
    assert [tensor.nbytes for tensor in Q4.quantize(llama(*empty)).tensors[-2:]] == [0, 0]


def test_a_hundred_thousand_tensors_are_quantized_in_time() -> None:
    experts = (
        weight(f"model.layers.{layer}.mlp.experts.{number}.{name}.weight", 256, 256)
        for layer in range(66) for number in range(500) for name in ("gate_proj", "up_proj", "down_proj")
    )  # fmt: skip
    model = Dense(weights=tuple(experts), model_type="qwen3_moe")
    start = process_time()
    assert len(Q4.quantize(model).tensors) == 99_000
    assert process_time() - start < 5


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.sampled_from([
    "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "rope_parameters", "rope_scaling", "text_config",
    "head_dim", "qk_nope_head_dim", "v_head_dim", "num_nextn_predict_layers", "hidden_size", "num_kv_heads",
    "linear_num_value_heads", "linear_value_head_dim", "pad_token_id", "full_attention", "rope_type", "long_factor",
])  # fmt: skip
NAMES = st.sampled_from([
    "kv_b_proj.weight", "experts.9.down_proj.weight", "experts.gate_up_proj", "experts.x.w2.weight", "h.0.attn.c_attn.weight",
    "linear_attn.in_proj_qkvz.weight", "position_embeddings.weight", "weight", "", ".", "encoder.block..layer.v.weight",
    "model.layers.99999999999999999999.self_attn.v_proj.weight", "layers.\u00b2.v_proj.weight",
]) | st.text(max_size=20)  # fmt: skip


@given(
    mix=st.sampled_from(QUANTIZERS),
    model_type=st.sampled_from(
        ["llama", "falcon", "deepseek_v3", "glm4_moe", "jamba", "phi3", "gpt2", "llama4", "roberta", "qwen3_next", None]
    ),
    config=st.dictionaries(WORDS, JUNK | st.dictionaries(WORDS, JUNK, max_size=3), max_size=6),
    named=st.lists(st.tuples(NAMES, st.lists(st.integers(0, 300), max_size=4)), max_size=6),
)
def test_nothing_in_a_config_or_a_name_breaks_it(
    mix: GgmlMix, model_type: str | None, config: dict[str, object], named: list[tuple[str, list[int]]]
) -> None:
    model = Dense(weights=tuple(weight(name, *shape, module=None) for name, shape in named), model_type=model_type, config=config)
    made = mix.quantize(model)
    assert [tensor.name for tensor in made.tensors] == [one.name for one in model.weights]
    assert all(tensor.nbytes >= 0 for tensor in made.tensors)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.layers.0.self_attn.v_proj.weight", Role.VALUE),
        ("transformer.h.0.attn.c_proj.weight", Role.ATTENTION_OUTPUT),
        ("transformer.h.0.mlp.c_proj.weight", Role.DOWN),
        ("encoder.layer.0.attention.output.dense.weight", Role.ATTENTION_OUTPUT),
        ("encoder.layer.0.output.dense.weight", Role.DOWN),
        ("model.layers.0.mlp.experts.down_proj", Role.DOWN),
        ("model.layers.0.mamba.out_proj.weight", Role.OTHER),
        ("model.layers.0.mamba.A_log", Role.SINGLE),
        ("pooler.dense.weight", Role.ABSENT),
        ("something", Role.SINGLE),
        ("something.weight", None),
    ],
)
def test_the_longest_ending_that_fits_is_the_role(name: str, expected: Role | None) -> None:
    assert role(name, (8, 8)) is expected


def test_every_mix_has_rules_for_a_dtype_that_ggml_has() -> None:
    assert [mix.name for mix in QUANTIZERS] == list(RULES)
