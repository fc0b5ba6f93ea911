"""Small models with random weights: the families that llama.cpp converts, and every case that its quantizer tells apart."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel

VOCABULARY = {"vocab_size": 320, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
LAYERS = {"num_hidden_layers": 4, "max_position_embeddings": 64}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2}
WIDE = {"hidden_size": 256, "intermediate_size": 512, **HEADS, **LAYERS, **VOCABULARY}
GROUPED = {"num_attention_heads": 8, "num_key_value_heads": 2}  # four heads share a key
NARROW = {"hidden_size": 32, "intermediate_size": 64, **GROUPED}
ROUTED = {"num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 320}
LATENT = {
    "num_key_value_heads": 4, "n_routed_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 256, "n_group": 2,
    "topk_group": 1, "first_k_dense_replace": 1, "q_lora_rank": 256, "kv_lora_rank": 256, "qk_rope_head_dim": 32,
    "qk_nope_head_dim": 64, "v_head_dim": 64, "head_dim": 32,
}  # fmt: skip
GPT = {"n_embd": 256, "n_layer": 4, "n_head": 4, "n_positions": 64, "n_ctx": 64, **VOCABULARY}
MAMBA = {"hidden_size": 256, "num_hidden_layers": 4, "state_size": 16, **VOCABULARY}
PICTURES = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 4, "patch_size": 14}
SECTIONS = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [8, 12, 12]}
SEEING = {"depth": 2, "hidden_size": 64, "intermediate_size": 128, "out_hidden_size": 256, "num_heads": 4,
          "deepstack_visual_indexes": [0]}  # fmt: skip
LINEAR = {"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 64, "linear_value_head_dim": 64}
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}  # fmt: skip
LONG = {"rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1.0] * 32, "long_factor": [2.0] * 32,
        "original_max_position_embeddings": 32}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One small model: a class of transformers, what its config holds, and the dtype it is saved in."""

    cls: str
    config: Mapping[str, Any]
    dtype: torch.dtype = torch.bfloat16
    published: Mapping[str, Any] = field(default_factory=dict)
    """Words of published configs that transformers 5 writes no more, or otherwise."""

    def build(self) -> PreTrainedModel:
        """The model with random weights."""
        cls = getattr(transformers, self.cls)
        torch.manual_seed(0)
        return cls(cls.config_class(**self.config)).to(self.dtype)

    def save(self, folder: Path) -> PreTrainedModel:
        """The model, which is saved in `folder` with the names of published checkpoints."""
        model = self.build()
        model.save_pretrained(folder)
        # The converter asks how many tokens there are (conversion/gemma.py).
        vocabulary = {str(number): number for number in range(VOCABULARY["vocab_size"])}
        (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}, "added_tokens": []}))
        return model


def _causal(
    family: str, *, dtype: torch.dtype = torch.bfloat16, published: Mapping[str, Any] = MappingProxyType({}), **config: Any
) -> Recipe:
    return Recipe(cls=f"{family}ForCausalLM", config={**WIDE, **config}, dtype=dtype, published=published)


MODELS: Mapping[str, Recipe] = {
    "llama": _causal("Llama"),
    "llama-f16": _causal("Llama", dtype=torch.float16),
    "llama-f32": _causal("Llama", dtype=torch.float32),
    "llama-tied": _causal("Llama", tie_word_embeddings=True),
    "llama-biases": _causal("Llama", attention_bias=True, mlp_bias=True),
    "llama-rope": _causal("Llama", rope_parameters=LLAMA3),
    "llama-grouped": _causal("Llama", **GROUPED),
    "llama-odd-down": _causal("Llama", intermediate_size=352),
    "llama-odd": _causal("Llama", hidden_size=288, intermediate_size=200),
    "llama-odd-tied": _causal("Llama", hidden_size=96, intermediate_size=200, tie_word_embeddings=True),
    "llama-32": _causal("Llama", num_hidden_layers=32, **NARROW | {"hidden_size": 256, "intermediate_size": 256}),
    "llama-33": _causal("Llama", num_hidden_layers=33, hidden_size=256, intermediate_size=256),
    "llama-80": _causal("Llama", num_hidden_layers=80, hidden_size=256, intermediate_size=256, **GROUPED),
    "qwen2-80": _causal("Qwen2", num_hidden_layers=80, hidden_size=256, intermediate_size=256, **GROUPED),
    "mistral": _causal("Mistral", **GROUPED),
    "mixtral": _causal("Mixtral", num_local_experts=8),
    "mixtral-4": _causal("Mixtral", num_local_experts=4, num_hidden_layers=9),
    "qwen2": _causal("Qwen2"),
    "qwen2-tied": _causal("Qwen2", tie_word_embeddings=True),
    "qwen2-moe": _causal("Qwen2Moe", **ROUTED, shared_expert_intermediate_size=256),
    "qwen3": _causal("Qwen3", head_dim=64),
    "qwen3-moe": _causal("Qwen3Moe", **ROUTED, head_dim=64),
    "qwen3-next": _causal("Qwen3Next", **ROUTED, head_dim=64, shared_expert_intermediate_size=256,
                          **LINEAR),
    "deepseek-v2": _causal("DeepseekV2", **LATENT),
    "deepseek-v3": _causal("DeepseekV3", **LATENT, num_nextn_predict_layers=0),
    "gemma": _causal("Gemma", head_dim=64),
    "gemma2": _causal("Gemma2", head_dim=64),
    "gemma3": _causal("Gemma3", head_dim=64),
    "phi": _causal("Phi"),
    "phi3": _causal("Phi3"),
    "phi3-long": _causal("Phi3", rope_parameters=LONG, original_max_position_embeddings=32),
    "gpt2": Recipe(cls="GPT2LMHeadModel", config={**GPT, "n_inner": 352}),
    "gpt-bigcode": Recipe(cls="GPTBigCodeForCausalLM", config=GPT),
    "gpt-neox": _causal("GPTNeoX", dtype=torch.float16, published={"rotary_pct": 0.25}),
    "gpt-oss": _causal("GptOss", intermediate_size=320, num_local_experts=4, num_experts_per_tok=2, head_dim=64),
    "falcon": Recipe(
        cls="FalconForCausalLM",
        config={"hidden_size": 256, "num_hidden_layers": 17, "num_attention_heads": 4, **VOCABULARY},
        published={"num_kv_heads": None},
    ),
    "falcon-grouped": Recipe(
        cls="FalconForCausalLM",
        config={"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 8, "num_kv_heads": 2,
                "new_decoder_architecture": True, **VOCABULARY},
    ),
    "bloom": Recipe(cls="BloomForCausalLM", config={"hidden_size": 256, "n_layer": 4, "n_head": 4, **VOCABULARY}),
    "mpt": Recipe(
        cls="MptForCausalLM", config={"d_model": 256, "n_layers": 4, "n_heads": 4, "max_seq_len": 64, **VOCABULARY},
        published={"architectures": ["MPTForCausalLM"]},
    ),
    "stablelm": _causal("StableLm"),
    "starcoder2": _causal("Starcoder2"),
    "cohere": _causal("Cohere"),
    "cohere-norm": _causal("Cohere", use_qk_norm=True),
    "cohere2": _causal("Cohere2", published={"rotary_pct": 1.0}),
    "olmo": _causal("Olmo"),
    "olmo2": _causal("Olmo2"),
    "olmo3": _causal("Olmo3"),
    "olmoe": _causal("Olmoe", **ROUTED),
    "granite": _causal("Granite"),
    "granite-moe": _causal("GraniteMoe", num_local_experts=4),
    "granite-hybrid": _causal(
        "GraniteMoeHybrid", num_local_experts=4, shared_intermediate_size=256, mamba_n_heads=8, mamba_d_head=64,
        mamba_n_groups=1, mamba_d_state=16, layer_types=["mamba", "mamba", "attention", "mamba"],
    ),
    "nemotron": _causal("Nemotron"),
    "smollm3": _causal("SmolLM3"),
    "arcee": _causal("Arcee"),
    "apertus": _causal("Apertus"),
    "seed-oss": _causal("SeedOss", head_dim=64),
    "ernie": _causal("Ernie4_5", head_dim=64),
    "ernie-moe": _causal("Ernie4_5_Moe", moe_num_experts=4, moe_intermediate_size=256, moe_k=2, moe_num_shared_experts=1),
    "exaone4": _causal("Exaone4", head_dim=64),
    "glm": _causal("Glm", head_dim=64),
    "glm4": _causal("Glm4", head_dim=64),
    "glm4-moe": _causal("Glm4Moe", **LATENT | {"head_dim": 64, "num_key_value_heads": 2, "num_nextn_predict_layers": 1}),
    "hunyuan": _causal("HunYuanDenseV1", head_dim=64),
    "hunyuan-moe": _causal("HunYuanMoEV1", num_experts=4, moe_topk=2, head_dim=64, num_shared_expert=1,
                           published={"moe_intermediate_size": [512] * 4, "moe_topk": [2] * 4, "num_shared_expert": [1] * 4}),
    "dots1": _causal("Dots1", **LATENT | {"head_dim": 64, "n_shared_experts": 1, "num_key_value_heads": 2}),
    "minimax-m2": _causal("MiniMaxM2", num_local_experts=4, num_experts_per_tok=2, head_dim=64, rotary_dim=32),
    "lfm2": _causal("Lfm2", layer_types=["conv", "conv", "full_attention", "conv"]),
    "lfm2-moe": _causal("Lfm2Moe", **ROUTED, num_dense_layers=1, layer_types=["conv", "conv", "full_attention", "conv"]),
    "jamba": _causal("Jamba", **ROUTED, attn_layer_period=2, attn_layer_offset=1, expert_layer_period=2, expert_layer_offset=1,
                     mamba_dt_rank=16),
    "mamba": Recipe(cls="MambaForCausalLM", config=MAMBA),
    "mamba2": Recipe(cls="Mamba2ForCausalLM", config={**MAMBA, "num_heads": 8, "head_dim": 64, "n_groups": 1}),
    "falcon-mamba": Recipe(cls="FalconMambaForCausalLM", config=MAMBA),
    "falcon-h1": _causal("FalconH1", mamba_d_ssm=512, mamba_n_heads=8, mamba_d_head=64, mamba_d_state=16,
                         published={"head_dim": 64}),
    "bert": Recipe(cls="BertModel", config=WIDE),
    "roberta": Recipe(cls="RobertaModel", config=WIDE),
    "distilbert": Recipe(
        cls="DistilBertModel",
        config={"dim": 256, "hidden_dim": 512, "n_layers": 4, "n_heads": 4, "max_position_embeddings": 64, "vocab_size": 320},
    ),
    "modernbert": Recipe(cls="ModernBertModel", config=WIDE, published={"layer_norm_eps": 1e-5}),
    "t5": Recipe(
        cls="T5ForConditionalGeneration",
        config={"d_model": 256, "d_kv": 64, "d_ff": 512, "num_layers": 12, "num_heads": 4, "decoder_start_token_id": 0,
                "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, **VOCABULARY},
    ),
    "qwen2-vl": Recipe(
        cls="Qwen2VLForConditionalGeneration",
        config={
            "text_config": {**WIDE, "rope_parameters": SECTIONS},
            "vision_config": {"depth": 2, "embed_dim": 64, "hidden_size": 256, "num_heads": 4},
            "image_token_id": 3, "video_token_id": 4, "vision_start_token_id": 5, "vision_end_token_id": 6,
        },
    ),
    "qwen2.5-vl": Recipe(
        cls="Qwen2_5_VLForConditionalGeneration",
        config={
            "text_config": {**WIDE, "rope_parameters": SECTIONS},
            "vision_config": {"depth": 2, "hidden_size": 64, "intermediate_size": 128, "out_hidden_size": 256, "num_heads": 4},
            "image_token_id": 3, "video_token_id": 4, "vision_start_token_id": 5, "vision_end_token_id": 6,
        },
    ),
    "qwen3-vl": Recipe(
        cls="Qwen3VLForConditionalGeneration",
        config={"text_config": {**WIDE, "head_dim": 64, "rope_parameters": SECTIONS}, "vision_config": SEEING},
    ),
    # The converter turns the packed experts, as published checkpoints have them and transformers does not save them.
    "qwen3-vl-moe": Recipe(
        cls="Qwen3VLMoeForConditionalGeneration",
        config={"text_config": {**WIDE, **ROUTED, "moe_intermediate_size": 256, "head_dim": 64, "rope_parameters": SECTIONS},
                "vision_config": SEEING},
    ),
    "qwen3.5": Recipe(
        cls="Qwen3_5ForConditionalGeneration",
        config={"text_config": {**WIDE, **LINEAR, "head_dim": 64}, "vision_config": SEEING},
    ),
    "qwen3.5-moe": Recipe(
        cls="Qwen3_5MoeForConditionalGeneration",
        config={"text_config": {**WIDE, **LINEAR, **ROUTED, "head_dim": 64, "shared_expert_intermediate_size": 256},
                "vision_config": SEEING},
    ),
    "glm4v": Recipe(
        cls="Glm4vForConditionalGeneration",
        config={"text_config": WIDE, "vision_config": {**PICTURES, "depth": 1, "num_heads": 4, "image_size": 28,
                                                       "out_hidden_size": 256}},
    ),
    "phimoe": _causal("Phimoe", num_local_experts=4, published={"architectures": ["PhiMoEForCausalLM"],
                                                                    "original_max_position_embeddings": 64}),
    "xlm-roberta": Recipe(cls="XLMRobertaModel", config=WIDE),
    "nemotron-h": _causal("NemotronH", hybrid_override_pattern="M-*-", mamba_num_heads=8, mamba_head_dim=64, ssm_state_size=16,
                          n_groups=1, head_dim=64),
    "exaone-moe": _causal("ExaoneMoe", **LATENT | {"num_experts": 4, "num_shared_experts": 1, "head_dim": 64},
                          published={"scoring_func": "sigmoid"}),
    "glm4-moe-lite": _causal("Glm4MoeLite", **LATENT, num_nextn_predict_layers=0),
    "umt5": Recipe(
        cls="UMT5ForConditionalGeneration",
        config={"d_model": 256, "d_kv": 64, "d_ff": 512, "num_layers": 4, "num_heads": 4, "decoder_start_token_id": 0,
                "tie_word_embeddings": False, **VOCABULARY},
    ),
    "gemma3n": _causal("Gemma3n", head_dim=64, vocab_size_per_layer_input=320, hidden_size_per_layer_input=32,
                       num_kv_shared_layers=1, intermediate_size=[512] * 4, activation_sparsity_pattern=[0.0] * 4,
                       laurel_rank=16),
    "gemma4": _causal("Gemma4", head_dim=64, global_head_dim=128, vocab_size_per_layer_input=320, hidden_size_per_layer_input=32,
                      num_kv_shared_layers=0),
    "bamba": _causal("Bamba", mamba_n_heads=8, mamba_d_head=64, mamba_d_state=16, mamba_n_groups=1, attn_layer_indices=[1]),
    "afmoe": _causal("Afmoe", **ROUTED, head_dim=64, num_dense_layers=1),
    "minimax-m2-8": _causal("MiniMaxM2", num_local_experts=8, head_dim=64, rotary_dim=32),
    "gemma3-pictures": Recipe(
        cls="Gemma3ForConditionalGeneration",
        config={"text_config": {**WIDE, "head_dim": 64}, "vision_config": {**PICTURES, "image_size": 28}},
    ),
    "llama4": Recipe(
        cls="Llama4ForConditionalGeneration",
        config={
            "text_config": {**WIDE, "intermediate_size": 320, "num_local_experts": 4, "num_experts_per_tok": 1, "head_dim": 64,
                            "intermediate_size_mlp": 512, "interleave_moe_layer_step": 2},
            "vision_config": {**PICTURES, "image_size": 28, "vision_output_dim": 64, "projector_input_dim": 64,
                              "projector_output_dim": 64},
        },
    ),
}  # fmt: skip
"""The small models by name."""
