"""DeepSeek-V3, in FP8 with a scale for each block of 128 x 128, over 163 shards; and more than 100,000 tensors of it.

https://huggingface.co/deepseek-ai/DeepSeek-V3 (config.json, the index: 91,991 tensors with the layer for multi-token prediction);
its README gives 671B parameters without that layer and 685B with it. The published checkpoint has one such layer. What is
measured here has `MTP_LAYERS` of them, so that there are more than 100,000 tensors: no published model is exactly this one.
"""

from collections.abc import Iterator
from math import prod
from pathlib import Path

from tests.writers.safetensors import Spec

from benchmarks.shapes.sharded import write_config, write_sharded

REPO_ID = "benchmarks/DeepSeek-V3-7-MTP"
SHARDS = 163
LAYERS, DENSE, EXPERTS, HIDDEN, INTERMEDIATE, EXPERT, VOCABULARY = 61, 3, 256, 7168, 18432, 2048, 129280
HEADS, Q_RANK, KV_RANK, NOPE, ROPE, V_HEAD = 128, 1536, 512, 128, 64, 128
MTP_LAYERS = 7
BLOCK = 128
CONFIG = {
    "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "hidden_size": HIDDEN,
    "intermediate_size": INTERMEDIATE, "moe_intermediate_size": EXPERT, "num_hidden_layers": LAYERS,
    "num_nextn_predict_layers": MTP_LAYERS, "first_k_dense_replace": DENSE, "moe_layer_freq": 1, "n_routed_experts": EXPERTS,
    "n_shared_experts": 1, "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4, "num_attention_heads": HEADS,
    "num_key_value_heads": HEADS, "q_lora_rank": Q_RANK, "kv_lora_rank": KV_RANK, "qk_nope_head_dim": NOPE,
    "qk_rope_head_dim": ROPE, "v_head_dim": V_HEAD, "vocab_size": VOCABULARY, "max_position_embeddings": 163840,
    "tie_word_embeddings": False, "torch_dtype": "bfloat16", "attention_bias": False,
    "quantization_config": {
        "quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [BLOCK, BLOCK],
    },
}  # fmt: skip


def tensors(*, mtp: int = MTP_LAYERS) -> Iterator[tuple[str, Spec]]:
    """Yield the tensors by name, with `mtp` layers for multi-token prediction (the published checkpoint has one)."""
    yield "model.embed_tokens.weight", ("BF16", (VOCABULARY, HIDDEN))
    for layer in range(LAYERS + mtp):
        at = f"model.layers.{layer}"
        if layer >= LAYERS:
            yield f"{at}.embed_tokens.weight", ("BF16", (VOCABULARY, HIDDEN))
            yield f"{at}.enorm.weight", ("BF16", (HIDDEN,))
            yield f"{at}.hnorm.weight", ("BF16", (HIDDEN,))
            yield f"{at}.eh_proj.weight", ("BF16", (HIDDEN, 2 * HIDDEN))
        yield f"{at}.input_layernorm.weight", ("BF16", (HIDDEN,))
        yield f"{at}.post_attention_layernorm.weight", ("BF16", (HIDDEN,))
        yield from _attention(f"{at}.self_attn")
        if layer < DENSE:
            yield from _gated(f"{at}.mlp", INTERMEDIATE)
        else:
            yield from _experts(f"{at}.mlp")
        if layer >= LAYERS:
            yield f"{at}.shared_head.norm.weight", ("BF16", (HIDDEN,))
            yield f"{at}.shared_head.head.weight", ("BF16", (VOCABULARY, HIDDEN))
    yield "model.norm.weight", ("BF16", (HIDDEN,))
    yield "lm_head.weight", ("BF16", (VOCABULARY, HIDDEN))


def parameters(*, mtp: int) -> int:
    """How many parameters that is: the scales are none."""
    return sum(prod(shape) for name, (_, shape) in tensors(mtp=mtp) if not name.endswith("_scale_inv"))


def _attention(at: str) -> Iterator[tuple[str, Spec]]:
    yield from _scaled(f"{at}.q_a_proj", Q_RANK, HIDDEN)
    yield f"{at}.q_a_layernorm.weight", ("BF16", (Q_RANK,))
    yield from _scaled(f"{at}.q_b_proj", HEADS * (NOPE + ROPE), Q_RANK)
    yield from _scaled(f"{at}.kv_a_proj_with_mqa", KV_RANK + ROPE, HIDDEN)
    yield f"{at}.kv_a_layernorm.weight", ("BF16", (KV_RANK,))
    yield from _scaled(f"{at}.kv_b_proj", HEADS * (NOPE + V_HEAD), KV_RANK)
    yield from _scaled(f"{at}.o_proj", HIDDEN, HEADS * V_HEAD)


def _experts(at: str) -> Iterator[tuple[str, Spec]]:
    yield f"{at}.gate.weight", ("BF16", (EXPERTS, HIDDEN))
    yield f"{at}.gate.e_score_correction_bias", ("F32", (EXPERTS,))
    yield from _gated(f"{at}.shared_experts", EXPERT)
    for expert in range(EXPERTS):
        yield from _gated(f"{at}.experts.{expert}", EXPERT)


def _gated(at: str, width: int) -> Iterator[tuple[str, Spec]]:
    yield from _scaled(f"{at}.gate_proj", width, HIDDEN)
    yield from _scaled(f"{at}.up_proj", width, HIDDEN)
    yield from _scaled(f"{at}.down_proj", HIDDEN, width)


def _scaled(at: str, rows: int, columns: int) -> Iterator[tuple[str, Spec]]:
    yield f"{at}.weight", ("F8_E4M3", (rows, columns))
    yield f"{at}.weight_scale_inv", ("F32", (-(-rows // BLOCK), -(-columns // BLOCK)))


def write(folder: Path) -> None:
    """Write the repository."""
    write_sharded(folder, [*tensors()], SHARDS, name="model-{number:05d}-of-{count:06d}.safetensors")
    write_config(folder, CONFIG)
