"""Types without a recipe of their own, which are computed as the nearest: how far off that is."""

SIZES = {
    "hidden_size": 96, "intermediate_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
    "vocab_size": 503, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "max_position_embeddings": 512,
}  # fmt: skip
WHOLE = {**SIZES, "num_key_value_heads": 4}
MOE = {**WHOLE, "moe_intermediate_size": 64, "num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2}
LATENT = {
    **MOE, "n_routed_experts": 4, "n_shared_experts": 1, "q_lora_rank": 32, "kv_lora_rank": 32, "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 16, "v_head_dim": 16, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1,
}  # fmt: skip

OTHERS: dict[str, tuple[str, dict[str, object]]] = {
    "bloom": ("BloomForCausalLM", {"hidden_size": 96, "n_layer": 4, "n_head": 4, "vocab_size": 503}),
    "cohere": ("CohereForCausalLM", SIZES),
    "deepseek_v2": ("DeepseekV2ForCausalLM", LATENT),
    "deepseek_v3": ("DeepseekV3ForCausalLM", LATENT),
    "distilbert": ("DistilBertForMaskedLM", {"dim": 96, "n_layers": 4, "n_heads": 4, "hidden_dim": 256, "vocab_size": 503}),
    "electra": ("ElectraForMaskedLM", {**WHOLE, "embedding_size": 48}),
    "exaone4": ("Exaone4ForCausalLM", SIZES),
    "falcon": ("FalconForCausalLM", {"hidden_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4, "vocab_size": 503}),
    "glm4": ("Glm4ForCausalLM", {**SIZES, "head_dim": 24}),
    "gpt_bigcode": ("GPTBigCodeForCausalLM", {"n_embd": 96, "n_layer": 4, "n_head": 4, "n_positions": 512, "vocab_size": 503}),
    "gpt_oss": ("GptOssForCausalLM", {**MOE, "num_key_value_heads": 2, "head_dim": 24}),
    "gptj": (
        "GPTJForCausalLM",
        {"n_embd": 96, "n_layer": 4, "n_head": 4, "n_positions": 512, "vocab_size": 503, "rotary_dim": 8},
    ),
    "modernbert": ("ModernBertForMaskedLM", WHOLE),
    "mpnet": ("MPNetForMaskedLM", WHOLE),
    "olmo2": ("Olmo2ForCausalLM", SIZES),
    "phi": ("PhiForCausalLM", WHOLE),
    "smollm3": ("SmolLM3ForCausalLM", SIZES),
    "stablelm": ("StableLmForCausalLM", SIZES),
    "starcoder2": ("Starcoder2ForCausalLM", SIZES),
}
