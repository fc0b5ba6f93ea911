"""Llama-3.1-405B: 1,138 tensors in BF16 over 191 shards.

https://huggingface.co/meta-llama/Llama-3.1-405B (config.json); 405,853,388,800 parameters, as the Hub's page says.
"""

from collections.abc import Iterator
from pathlib import Path

from tests.writers.safetensors import Spec

from benchmarks.shapes.sharded import write_config, write_sharded

REPO_ID = "meta-llama/Llama-3.1-405B"
SHARDS = 191
PARAMETERS = 405_853_388_800
LAYERS, HIDDEN, INTERMEDIATE, HEADS, KV_HEADS, HEAD, VOCABULARY = 126, 16384, 53248, 128, 8, 128, 128256
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN, "intermediate_size": INTERMEDIATE,
    "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "vocab_size": VOCABULARY,
    "max_position_embeddings": 131072, "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "tie_word_embeddings": False,
    "hidden_act": "silu", "attention_bias": False, "mlp_bias": False, "torch_dtype": "bfloat16",
}  # fmt: skip


def tensors(layers: int = LAYERS) -> Iterator[tuple[str, Spec]]:
    """Yield the tensors by name."""
    shapes = {
        "self_attn.q_proj": (HEADS * HEAD, HIDDEN),
        "self_attn.k_proj": (KV_HEADS * HEAD, HIDDEN),
        "self_attn.v_proj": (KV_HEADS * HEAD, HIDDEN),
        "self_attn.o_proj": (HIDDEN, HEADS * HEAD),
        "mlp.gate_proj": (INTERMEDIATE, HIDDEN),
        "mlp.up_proj": (INTERMEDIATE, HIDDEN),
        "mlp.down_proj": (HIDDEN, INTERMEDIATE),
        "input_layernorm": (HIDDEN,),
        "post_attention_layernorm": (HIDDEN,),
    }
    yield "model.embed_tokens.weight", ("BF16", (VOCABULARY, HIDDEN))
    for layer in range(layers):
        for name, shape in shapes.items():
            yield f"model.layers.{layer}.{name}.weight", ("BF16", shape)
    yield "model.norm.weight", ("BF16", (HIDDEN,))
    yield "lm_head.weight", ("BF16", (VOCABULARY, HIDDEN))


def write(folder: Path) -> None:
    """Write the repository."""
    write_sharded(folder, [*tensors()], SHARDS, name="model-{number:05d}-of-{count:05d}.safetensors")
    write_config(folder, CONFIG)
