"""Small models of many architectures, and the targets that LoRA is asked for on each."""

from collections.abc import Mapping, Sequence

from tests.field_configs import GPT2, MOE, SEQ2SEQ, SMALL, T5, VISION

LATENT = {
    **SMALL, "num_key_value_heads": 4, "moe_intermediate_size": 16, "n_routed_experts": 4, "n_shared_experts": 1,
    "q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 8, "v_head_dim": 8, "n_group": 2,
    "topk_group": 1, "num_experts_per_tok": 2, "first_k_dense_replace": 1,
}  # fmt: skip
FALCON = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 99}
DISTILBERT = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "vocab_size": 99}
WHISPER = {**SEQ2SEQ, "num_mel_bins": 8, "max_source_positions": 20, "max_target_positions": 20, "suppress_tokens": None}
QV = ("q_proj", "v_proj")
EXPERTS = ("gate_proj", "up_proj", "down_proj")

MODELS: Mapping[str, tuple[str, Mapping[str, object], Sequence[tuple[str, ...]]]] = {
    # class: (model type, config, lists of targets beside all-linear)
    "LlamaForCausalLM": (
        "llama", SMALL, [QV, ("self_attn.q_proj",), ("embed_tokens", "q_proj"), ("lm_head", "q_proj"), ("norm",), ("self_attn",)],
    ),
    "LlamaForSequenceClassification": ("llama", SMALL, [QV, ("score", "q_proj")]),
    "MistralForCausalLM": ("mistral", SMALL, [QV]),
    "Qwen2ForCausalLM": ("qwen2", {**SMALL, "tie_word_embeddings": True}, [QV, ("lm_head",), ("nothing",)]),
    "Qwen3ForCausalLM": ("qwen3", SMALL, [QV]),
    "Qwen3MoeForCausalLM": ("qwen3_moe", MOE, [QV, EXPERTS, ("down_proj",), ("gate_proj",), ("gate", "up_proj", "gate_proj")]),
    "Qwen2MoeForCausalLM": ("qwen2_moe", {**MOE, "shared_expert_intermediate_size": 24}, [QV, EXPERTS]),
    "MixtralForCausalLM": ("mixtral", MOE, [QV, ("w1", "w2", "w3"), ("w1",), ("gate", "q_proj")]),
    "GptOssForCausalLM": ("gpt_oss", MOE, [QV]),
    "Llama4ForCausalLM": ("llama4_text", {**MOE, "intermediate_size_mlp": 48, "interleave_moe_layer_step": 1}, [QV, ("router",)]),
    "DeepseekV3ForCausalLM": ("deepseek_v3", LATENT, [("q_a_proj", "kv_b_proj"), EXPERTS]),
    "GPT2LMHeadModel": ("gpt2", GPT2, [("c_attn",), ("c_attn", "c_proj"), ("wte",)]),
    "GPT2ForSequenceClassification": ("gpt2", GPT2, [("c_attn",)]),
    "BertForMaskedLM": ("bert", SMALL, [("query", "value"), ("dense",)]),
    "BertForSequenceClassification": ("bert", {**SMALL, "num_labels": 7}, [("query", "value")]),
    "BertForTokenClassification": ("bert", {**SMALL, "num_labels": 7}, [("query", "value")]),
    "BertForQuestionAnswering": ("bert", SMALL, [("query", "value")]),
    "RobertaForSequenceClassification": ("roberta", SMALL, [("query", "value")]),
    "DistilBertForSequenceClassification": ("distilbert", DISTILBERT, [("q_lin", "v_lin")]),
    "T5ForConditionalGeneration": ("t5", T5, [("q", "v"), ("wo",), ("shared",)]),
    "MT5ForConditionalGeneration": ("mt5", {**T5, "tie_word_embeddings": False}, [("q", "v")]),
    "BartForConditionalGeneration": ("bart", SEQ2SEQ, [QV]),
    "WhisperForConditionalGeneration": ("whisper", WHISPER, [QV]),
    "FalconForCausalLM": ("falcon", FALCON, [("query_key_value",)]),
    "Phi3ForCausalLM": ("phi3", SMALL, [("qkv_proj", "gate_up_proj")]),
    "PhiForCausalLM": ("phi", {**SMALL, "num_key_value_heads": 4}, [("fc1", "fc2")]),
    "GemmaForCausalLM": ("gemma", SMALL, [QV]),
    "Gemma2ForCausalLM": ("gemma2", SMALL, [QV]),
    "OPTForCausalLM": ("opt", {**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 16}, [QV]),
    "BloomForCausalLM": ("bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 4, "vocab_size": 99}, [("query_key_value",)]),
    "GPTNeoXForCausalLM": ("gpt_neox", SMALL, [("query_key_value",)]),
    "MambaForCausalLM": (
        "mamba", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4, "vocab_size": 99},
        [("in_proj", "x_proj"), ("out_proj",)],
    ),
    "AlbertForMaskedLM": ("albert", {**SMALL, "embedding_size": 16}, [("query", "value")]),
    "ViTForImageClassification": ("vit", VISION, [QV, ("projection",)]),
    "SiglipVisionModel": ("siglip_vision_model", VISION, [QV]),
    "LlavaForConditionalGeneration": (
        "llava",
        {"text_config": {**SMALL, "model_type": "llama"}, "vision_config": {**VISION, "model_type": "clip_vision_model"},
         "image_token_index": 98},
        [QV],
    ),
}  # fmt: skip
