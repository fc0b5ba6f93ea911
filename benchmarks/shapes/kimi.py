"""Kimi-K3: 497,220 tensors over 96 shards, most of them experts packed at 4 bits (MXFP4).

https://huggingface.co/moonshotai/Kimi-K3 (config.json and the index, whose `total_size` is `TOTAL_SIZE`). Three layers of four
attend by Kimi Delta Attention, the fourth and the last by multi-head latent attention; all but the first have experts.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.writers.safetensors import Spec

from benchmarks.shapes.sharded import write_config, write_sharded

REPO_ID = "moonshotai/Kimi-K3"
SHARDS = 96
TENSORS = 497_220
TOTAL_SIZE = 1_560_860_324_864
LAYERS, EXPERTS, HIDDEN, INTERMEDIATE, VOCABULARY = 93, 896, 7168, 33792, 163840
ROUTED, EXPERT, SHARED = 3584, 3072, 2 * 3072
HEADS, HEAD, KERNEL, Q_RANK, KV_RANK, ROPE = 96, 128, 4, 1536, 512, 64
WIDTH = HEADS * HEAD
VISION, VISION_LAYERS, VISION_MLP, VISION_QKV, MERGED = 1024, 27, 4096, 1536, 4 * 1024
GROUP = 32
CONFIG = {
    "architectures": ["KimiK3ForConditionalGeneration"], "model_type": "kimi_k3", "torch_dtype": "bfloat16",
    "text_config": {
        "hidden_size": HIDDEN, "intermediate_size": INTERMEDIATE, "moe_intermediate_size": EXPERT,
        "routed_expert_hidden_size": ROUTED, "num_hidden_layers": LAYERS, "num_experts": EXPERTS, "num_shared_experts": 2,
        "num_attention_heads": HEADS, "q_lora_rank": Q_RANK, "kv_lora_rank": KV_RANK, "qk_nope_head_dim": HEAD,
        "qk_rope_head_dim": ROPE, "v_head_dim": HEAD, "vocab_size": VOCABULARY, "first_k_dense_replace": 1,
    },
    "quantization_config": {"quant_method": "compressed-tensors", "format": "mxfp4-pack-quantized"},
}  # fmt: skip


def tensors() -> Iterator[tuple[str, Spec]]:
    """Yield the tensors by name."""
    text = "language_model.model"
    for layer in range(LAYERS):
        yield from _layer(f"{text}.layers.{layer}", layer)
    yield f"{text}.embed_tokens.weight", ("BF16", (VOCABULARY, HIDDEN))
    yield f"{text}.norm.weight", ("BF16", (HIDDEN,))
    yield f"{text}.output_attn_res_norm.weight", ("BF16", (HIDDEN,))
    yield f"{text}.output_attn_res_proj.weight", ("BF16", (1, HIDDEN))
    yield "language_model.lm_head.weight", ("BF16", (VOCABULARY, HIDDEN))
    yield from _weights("mm_projector", {"proj.0": (MERGED, MERGED), "proj.2": (HIDDEN, MERGED), "post_norm": (HIDDEN,)})
    yield from _vision("vision_tower")


def _layer(at: str, layer: int) -> Iterator[tuple[str, Spec]]:
    for part in ("self_attention", "mlp"):
        yield f"{at}.{part}_res_norm.weight", ("BF16", (HIDDEN,))
        yield f"{at}.{part}_res_proj.weight", ("BF16", (1, HIDDEN))
    for norm in ("input_layernorm", "post_attention_layernorm"):
        yield f"{at}.{norm}.weight", ("BF16", (HIDDEN,))
    yield from _latent(f"{at}.self_attn") if layer % 4 == 3 or layer == LAYERS - 1 else _delta(f"{at}.self_attn")
    yield from _experts(f"{at}.block_sparse_moe") if layer else _gated(f"{at}.mlp", INTERMEDIATE)


def _delta(at: str) -> Iterator[tuple[str, Spec]]:
    """Kimi Delta Attention."""
    shapes = {
        **{f"{one}_proj": (WIDTH, HIDDEN) for one in "qkvg"}, "o_proj": (HIDDEN, WIDTH), "f_a_proj": (HEAD, HIDDEN),
        "f_b_proj": (WIDTH, HEAD), "b_proj": (HEADS, HIDDEN),
    }  # fmt: skip
    yield from _weights(at, shapes)
    for one in "qkv":
        yield f"{at}.{one}_conv1d.weight", ("F32", (WIDTH, 1, KERNEL))
    yield f"{at}.A_log", ("F32", (HEAD,))
    yield f"{at}.dt_bias", ("F32", (WIDTH,))
    yield f"{at}.o_norm.weight", ("F32", (HEAD,))


def _latent(at: str) -> Iterator[tuple[str, Spec]]:
    """Multi-head latent attention."""
    shapes = {
        "q_a_proj": (Q_RANK, HIDDEN), "q_a_layernorm": (Q_RANK,), "q_b_proj": (HEADS * (HEAD + ROPE), Q_RANK),
        "kv_a_proj_with_mqa": (KV_RANK + ROPE, HIDDEN), "kv_a_layernorm": (KV_RANK,), "kv_b_proj": (2 * WIDTH, KV_RANK),
        "o_proj": (HIDDEN, WIDTH), "g_proj": (WIDTH, HIDDEN),
    }  # fmt: skip
    yield from _weights(at, shapes)


def _experts(at: str) -> Iterator[tuple[str, Spec]]:
    shapes = {
        "gate": (EXPERTS, HIDDEN), "routed_expert_down_proj": (ROUTED, HIDDEN), "routed_expert_up_proj": (HIDDEN, ROUTED),
        "routed_expert_norm": (ROUTED,),
    }  # fmt: skip
    yield from _weights(at, shapes)
    yield f"{at}.gate.e_score_correction_bias", ("F32", (EXPERTS,))
    yield from _gated(f"{at}.shared_experts", SHARED)
    for expert in range(EXPERTS):
        for name, rows, columns in (("w1", EXPERT, ROUTED), ("w2", ROUTED, EXPERT), ("w3", EXPERT, ROUTED)):
            yield f"{at}.experts.{expert}.{name}.weight_packed", ("U8", (rows, columns // 2))
            yield f"{at}.experts.{expert}.{name}.weight_scale", ("U8", (rows, columns // GROUP))


def _gated(at: str, width: int) -> Iterator[tuple[str, Spec]]:
    yield from _weights(at, {"gate_proj": (width, HIDDEN), "up_proj": (width, HIDDEN), "down_proj": (HIDDEN, width)})


def _vision(at: str) -> Iterator[tuple[str, Spec]]:
    block = {
        "mlp.fc0": (VISION_MLP, VISION), "mlp.fc1": (VISION, VISION_MLP), "norm0": (VISION,), "norm1": (VISION,),
        "wo": (VISION, VISION_QKV), "wqkv": (3 * VISION_QKV, VISION),
    }  # fmt: skip
    for layer in range(VISION_LAYERS):
        yield from _weights(f"{at}.encoder.blocks.{layer}", block)
    rest = {
        "encoder.final_layernorm": (VISION,),
        "patch_embed.pos_emb": (64, 64, VISION),
        "patch_embed.proj": (VISION, 3, 14, 14),
    }
    yield from _weights(at, rest)


def _weights(at: str, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[str, Spec]]:
    for name, shape in shapes.items():
        yield f"{at}.{name}.weight", ("BF16", shape)


def write(folder: Path) -> None:
    """Write the repository."""
    write_sharded(folder, [*tensors()], SHARDS, name="model-{number:05d}-of-{count:06d}.safetensors")
    write_config(folder, CONFIG)
