"""What llama.cpp calls the weights of a model, as far as its quantizer tells them apart, by their names in transformers.

The names are those of `TensorNameMap` in
https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/tensor_mapping.py; what is held in float32, and what is left out,
is that of `prepare_tensors` and `filter_tensors` in https://github.com/ggml-org/llama.cpp/blob/master/conversion/base.py.
"""

import re
from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """The categories of tensors of llama.cpp's quantizer (`tensor_category`), and what it does not quantize."""

    EMBEDDING = "token_embd"
    OUTPUT = "output"
    VALUE = "attn_v"
    """Also queries, keys and values in one matrix, which have the same rules."""
    KEY = "attn_k"
    ATTENTION_OUTPUT = "attn_output"
    DOWN = "ffn_down"
    OTHER = "other"
    """Quantized by the type of the mix."""
    LATENT = "attn_kv_b"
    """Keys and values of latent attention, which are split and quantized by the type of the mix."""
    GATED = "attn_qkv and attn_gate"
    """Queries, keys, values and a gate in one matrix, from which the gate is split off."""
    SINGLE = "float32"
    """Not quantized, and converted to float32."""
    HALF = "16 bits"
    """Not quantized, and converted to 16 bits."""
    PROJECTOR = "mmproj"
    """Of an encoder of images or sound, or on the way from it: in a file of its own, not quantized."""
    ABSENT = "absent"
    """Left out by the converter."""


ENDINGS: Mapping[str, Role] = {
    **dict.fromkeys(
        ("embed_tokens", "embed_in", "embedding", "embeddings", "embed_tokens_per_layer", "shared", "tok_embeddings",
         "word_embeddings", "wte"),
        Role.EMBEDDING,
    ),
    **dict.fromkeys(("embed_out", "lm_head", "output_layer"), Role.OUTPUT),
    **dict.fromkeys(
        ("v_proj", "v_lin", "wv", "SelfAttention.v", "EncDecAttention.v", "self.value", "Wqkv", "attn.c_attn", "in_proj_qkv",
         "qkv_proj", "query_key_value"),
        Role.VALUE,
    ),
    **dict.fromkeys(("k_proj", "k_lin", "wk", "SelfAttention.k", "EncDecAttention.k", "self.key"), Role.KEY),
    **dict.fromkeys(
        ("o_proj", "out_lin", "attention.dense", "attention.output.dense", "attn.Wo", "attn.c_proj", "attn.out_proj",
         "self_attention.dense", "self_attn.dense", "self_attn.out_proj"),
        Role.ATTENTION_OUTPUT,
    ),
    **dict.fromkeys(
        ("down_proj", "dense_4h_to_h", "fc2", "lin2", "output.dense", "output_linear", "w2", "mlp.c_proj", "mlp.Wo",
         "DenseReluDense.wo"),
        Role.DOWN,
    ),
    **dict.fromkeys(
        ("q_proj", "q_lin", "wq", "SelfAttention.q", "EncDecAttention.q", "self.query", "SelfAttention.o", "EncDecAttention.o",
         "q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "gate_proj", "up_proj", "gate_up_proj", "c_fc", "dense_h_to_4h", "fc1",
         "input_linear", "intermediate.dense", "lin1", "w1", "w3", "mlp.Wi", "DenseReluDense.wi", "DenseReluDense.wi_0",
         "DenseReluDense.wi_1", "in_proj", "in_proj_a", "in_proj_b", "in_proj_ba", "in_proj_z", "out_proj",
         "per_layer_input_gate", "per_layer_projection", "x_proj", "dt_proj"),
        Role.OTHER,
    ),
    **dict.fromkeys(
        ("conv", "conv1d", "gate", "gate.wg", "router", "router.classifier", "router.layer", "shared_expert_gate",
         "position_embeddings", "token_type_embeddings", "wpe",
         "correction_coefs", "prediction_coefs"),
        Role.SINGLE,
    ),
    "in_proj_qkvz": Role.GATED,
    "kv_b_proj": Role.LATENT,
    **dict.fromkeys(
        ("relative_attention_bias", "per_layer_model_projection", "modality_router", "linear_left", "linear_right"), Role.HALF
    ),
}  # fmt: skip
"""The last parts of a module's name; the longest that fits is taken."""

LEFT_OUT = (".attn.bias", ".attention.bias", ".masked_bias", "inv_freq", "position_ids")
ACTIVATION = ".act_fn."
"""Numbers of an activation, which the converter writes as metadata."""
POOLER = "pooler."
STACKED = "altup_"
"""Projections of Gemma 3n, which the converter stacks in one tensor."""
ENCODER = re.compile(
    r"audio_tower|embed_audio|embed_vision|image_newline|mm_projector|multi_modal_projector|vision_(?:embed_tokens|encoder|model|tower)"
    r"|visual\."
)
"""What the name of a weight holds that belongs to an encoder."""
BARE = frozenset({"gate_up_proj", "down_proj", "up_proj", "gate_proj"})
"""Parameters of fused experts, which are no `weight` of a module."""


def role(name: str, shape: tuple[int, ...]) -> Role | None:
    """The role of a tensor; None for a matrix under a name that is not known here."""
    if name.endswith(LEFT_OUT) or ACTIVATION in name:
        return Role.ABSENT
    if ENCODER.search(name):
        return Role.PROJECTOR
    if name.startswith(POOLER) or f".{POOLER}" in name:
        return Role.ABSENT
    module, _, leaf = name.rpartition(".")
    if leaf in BARE:
        module = name
    elif leaf != "weight":
        return Role.SINGLE  # biases, and parameters of state spaces: the converter quantizes nothing but weights
    if not is_matrix(shape):
        return Role.SINGLE
    return Role.HALF if STACKED in module else _matrix(module)


def is_matrix(shape: tuple[int, ...]) -> bool:
    """Whether ggml counts more than one dimension (`ggml_n_dims`): the leading ones are those that it drops."""
    return any(extent > 1 for extent in shape[:-1])


def _matrix(module: str) -> Role | None:
    ending = ".".join(module.rsplit(".", 3)[-3:])
    last = ending.rpartition(".")[2]
    while ending not in ENDINGS:
        _, found, ending = ending.partition(".")
        if not found:
            return Role.SINGLE if "norm" in last.lower() else None
    return ENDINGS[ending]
