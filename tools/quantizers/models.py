"""Small models with random weights, one for each way in which a quantization method can tell modules apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel

ATTENTION = {"num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 1}
SMALL = {"vocab_size": 99, "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
WIDE = {"hidden_size": 128, "intermediate_size": 256, **ATTENTION, **SMALL}
ODD = {"hidden_size": 96, "intermediate_size": 200, **ATTENTION, **SMALL}
ROUTED = {"num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 256}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One small model: a class of transformers, what its config holds, and the dtype it is saved in."""

    cls: str
    config: Mapping[str, Any]
    dtype: torch.dtype = torch.bfloat16

    def save(self, folder: Path) -> None:
        """The model with random weights, saved in `folder`."""
        cls = self.load()
        config = cls.config_class(**self.config)
        torch.manual_seed(0)
        cls(config).to(self.dtype).save_pretrained(folder)

    def load(self) -> type[PreTrainedModel]:
        """The class."""
        return getattr(transformers, self.cls)


MODELS: Mapping[str, Recipe] = {
    "llama": Recipe(cls="LlamaForCausalLM", config=WIDE),
    "llama-base": Recipe(cls="LlamaModel", config=WIDE),
    "llama-tied": Recipe(cls="LlamaForCausalLM", config={**WIDE, "tie_word_embeddings": True}),
    "llama-biases": Recipe(cls="LlamaForCausalLM", config={**WIDE, "attention_bias": True, "mlp_bias": True}),
    "llama-biases-f32": Recipe(
        cls="LlamaForCausalLM", config={**WIDE, "attention_bias": True, "mlp_bias": True}, dtype=torch.float32
    ),
    "llama-odd": Recipe(cls="LlamaForCausalLM", config=ODD),
    "llama-odd-f16": Recipe(cls="LlamaForCausalLM", config=ODD, dtype=torch.float16),
    "llama-classifier": Recipe(cls="LlamaForSequenceClassification", config={**WIDE, "num_labels": 3}),
    "mixtral": Recipe(cls="MixtralForCausalLM", config={**WIDE, "num_local_experts": 4}),
    "mixtral-narrow": Recipe(cls="MixtralForCausalLM", config={**WIDE, "num_local_experts": 4, "intermediate_size": 64}),
    "mixtral-odd": Recipe(cls="MixtralForCausalLM", config={**ODD, "num_local_experts": 4}),
    "qwen2-moe": Recipe(cls="Qwen2MoeForCausalLM", config={**WIDE, **ROUTED, "shared_expert_intermediate_size": 128}),
    "qwen3-moe": Recipe(cls="Qwen3MoeForCausalLM", config={**WIDE, **ROUTED, "head_dim": 32}),
    "deepseek-v3": Recipe(
        cls="DeepseekV3ForCausalLM",
        config={
            **WIDE, "num_hidden_layers": 2, "num_key_value_heads": 4, "n_routed_experts": 8, "num_experts_per_tok": 2,
            "moe_intermediate_size": 128,
            "n_group": 2, "topk_group": 1, "first_k_dense_replace": 1, "q_lora_rank": 64, "kv_lora_rank": 32,
            "qk_rope_head_dim": 16, "qk_nope_head_dim": 16, "v_head_dim": 32,
        },
    ),
    "llama4": Recipe(
        cls="Llama4ForConditionalGeneration",
        config={
            "text_config": {**WIDE, "num_hidden_layers": 2, "num_local_experts": 4, "num_experts_per_tok": 1, "head_dim": 32,
                            "intermediate_size_mlp": 256, "interleave_moe_layer_step": 2},
            "vision_config": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 4,
                              "image_size": 28, "patch_size": 14, "vision_output_dim": 64, "projector_input_dim": 64,
                              "projector_output_dim": 64},
        },
    ),
    "gpt-oss": Recipe(cls="GptOssForCausalLM", config={**WIDE, "num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 32}),
    "gpt2": Recipe(
        cls="GPT2LMHeadModel", config={"n_embd": 128, "n_layer": 1, "n_head": 4, "n_positions": 64, "vocab_size": 99},
        dtype=torch.float32,
    ),
    "gpt2-bf16": Recipe(
        cls="GPT2LMHeadModel", config={"n_embd": 128, "n_layer": 1, "n_head": 4, "n_positions": 64, "vocab_size": 99}
    ),
    "bert-classifier": Recipe(
        cls="BertForSequenceClassification", config={**WIDE, "num_labels": 3}, dtype=torch.float32
    ),
    "bert-masked": Recipe(cls="BertForMaskedLM", config=WIDE, dtype=torch.float32),
    "t5": Recipe(
        cls="T5ForConditionalGeneration",
        config={"d_model": 128, "d_kv": 32, "d_ff": 256, "num_layers": 1, "num_heads": 4, "vocab_size": 99,
                "decoder_start_token_id": 0},
        dtype=torch.float32,
    ),
    "t5-f16-untied": Recipe(
        cls="T5ForConditionalGeneration",
        config={"d_model": 128, "d_kv": 32, "d_ff": 256, "num_layers": 1, "num_heads": 4, "vocab_size": 99,
                "decoder_start_token_id": 0, "tie_word_embeddings": False, "feed_forward_proj": "gated-gelu"},
        dtype=torch.float16,
    ),
    "vit-classifier": Recipe(
        cls="ViTForImageClassification",
        config={"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 1, "num_attention_heads": 4,
                "image_size": 32, "patch_size": 16, "num_labels": 3},
        dtype=torch.float32,
    ),
    "opt": Recipe(
        cls="OPTForCausalLM",
        config={"hidden_size": 128, "ffn_dim": 256, "num_hidden_layers": 1, "num_attention_heads": 4, "vocab_size": 99,
                "max_position_embeddings": 64, "word_embed_proj_dim": 64},
        dtype=torch.float16,
    ),
    "gemma": Recipe(cls="GemmaForCausalLM", config={**WIDE, "head_dim": 32}),
    "gemma2": Recipe(cls="Gemma2ForCausalLM", config={**WIDE, "head_dim": 32}),
    "phi3": Recipe(cls="Phi3ForCausalLM", config=WIDE),
    "gpt-neox": Recipe(cls="GPTNeoXForCausalLM", config={**WIDE, "rotary_pct": 0.5}, dtype=torch.float16),
    "falcon": Recipe(
        cls="FalconForCausalLM",
        config={"hidden_size": 128, "num_hidden_layers": 1, "num_attention_heads": 4, "vocab_size": 99},
    ),
    "qwen2-vl": Recipe(
        cls="Qwen2VLForConditionalGeneration",
        config={
            "text_config": {**WIDE, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]}},
            "vision_config": {"depth": 1, "embed_dim": 64, "hidden_size": 128, "num_heads": 4},
            "image_token_id": 3, "video_token_id": 4, "vision_start_token_id": 5, "vision_end_token_id": 6,
        },
    ),
    "clip": Recipe(
        cls="CLIPModel",
        config={
            "text_config": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 4,
                            "vocab_size": 99},
            "vision_config": {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 1, "num_attention_heads": 4,
                              "image_size": 32, "patch_size": 16},
            "projection_dim": 64,
        },
        dtype=torch.float32,
    ),
}  # fmt: skip
"""The small models by name."""
