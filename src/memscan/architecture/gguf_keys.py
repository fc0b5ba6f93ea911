"""GGUF keys in the words of `config.json`, so that one reader of architectures serves both.

Keys: `LLM_KV_NAMES` in https://github.com/ggml-org/llama.cpp/blob/master/src/llama-arch.cpp; which word each was written from:
`set_gguf_parameters` in llama.cpp's convert_hf_to_gguf.py. Per-layer values are tuples. A word is absent where its key is.
"""

from collections.abc import Iterable, Mapping

from memscan.formats.gguf_values import LongArray
from memscan.tensor import TensorInfo

WORDS: Mapping[str, str] = {
    "num_hidden_layers": "block_count",
    "num_decoder_layers": "decoder_block_count",
    "hidden_size": "embedding_length",
    "hidden_size_per_layer_input": "embedding_length_per_layer_input",
    "intermediate_size": "feed_forward_length",
    "moe_intermediate_size": "expert_feed_forward_length",
    "shared_expert_intermediate_size": "expert_shared_feed_forward_length",
    "vocab_size": "vocab_size",
    "max_position_embeddings": "context_length",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "v_head_dim": "attention.value_length",
    "sliding_window": "attention.sliding_window",
    "num_kv_shared_layers": "attention.shared_kv_layers",
    "num_local_experts": "expert_count",
    "num_experts_per_tok": "expert_used_count",
    "n_shared_experts": "expert_shared_count",
    "first_k_dense_replace": "leading_dense_block_count",
    "num_nextn_predict_layers": "nextn_predict_layers",
    "full_attention_interval": "full_attention_interval",
    "q_lora_rank": "attention.q_lora_rank",
    "kv_lora_rank": "attention.kv_lora_rank",
    "index_n_heads": "attention.indexer.head_count",
    "index_head_dim": "attention.indexer.key_length",
    "index_topk": "attention.indexer.top_k",
    "conv_L_cache": "shortconv.l_cache",
    "ssm_conv_kernel": "ssm.conv_kernel",
    "ssm_inner_size": "ssm.inner_size",
    "ssm_state_size": "ssm.state_size",
    "ssm_time_step_rank": "ssm.time_step_rank",
    "ssm_group_count": "ssm.group_count",
    "wkv_head_size": "wkv.head_size",
    "kda_head_dim": "kda.head_dim",
}
"""A word of `config.json` to its key below the architecture's; `ssm_`, `wkv_` and `kda_` keep llama.cpp's words, because each
model type has others for them."""

MODEL_TYPES: Mapping[str, str] = {
    "bailingmoe": "bailing_moe",
    "command-r": "cohere",
    "ernie4_5-moe": "ernie4_5_moe",
    "exaone-moe": "exaone_moe",
    "falcon-h1": "falcon_h1",
    "gemma3": "gemma3_text",
    "gemma3n": "gemma3n_text",
    "gemma4": "gemma4_text",
    "glm4moe": "glm4_moe",
    "gpt-oss": "gpt_oss",
    "gptneox": "gpt_neox",
    "granitehybrid": "granitemoehybrid",
    "hunyuan-dense": "hunyuan_v1_dense",
    "hunyuan-moe": "hunyuan_v1_moe",
    "kimi-linear": "kimi_linear",
    "lfm2moe": "lfm2_moe",
    "minimax-m2": "minimax_m2",
    "modern-bert": "modernbert",
    "nomic-bert": "nomic_bert",
    "olmoe": "olmoe",
    "qwen2moe": "qwen2_moe",
    "qwen2vl": "qwen2_vl",
    "qwen3moe": "qwen3_moe",
    "qwen3next": "qwen3_next",
    "qwen3vl": "qwen3_vl",
    "qwen3vlmoe": "qwen3_vl_moe",
    "qwen35": "qwen3_5",
    "qwen35moe": "qwen3_5_moe",
}
"""llama.cpp's architectures that transformers spells otherwise. One that serves several model types (`llama`, `deepseek2`) or
that is spelled the same keeps its word."""

# The BERT family, whose `load_arch_tensors` makes no output of the embedding (src/models/bert.cpp and its like).
HEADLESS = frozenset(
    {"bert", "eurobert", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert", "nomic-bert", "nomic-bert-moe"}
)
MAX_LAYERS = 4_096  # that a pattern is written out for; no model has a quarter of it
EMBEDDING = "token_embd.weight"
OUTPUT = "output.weight"


def words(metadata: Mapping[str, object]) -> Mapping[str, object]:
    """The words of `config.json` that `metadata` of a GGUF header gives; empty where it names no architecture."""
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str):
        return {}
    found: dict[str, object] = {"model_type": MODEL_TYPES.get(architecture, architecture)}
    for word, key in WORDS.items():
        value = metadata.get(f"{architecture}.{key}")
        if _is_number(value) or isinstance(value, tuple):
            found[word] = value
    tokens = metadata.get("tokenizer.ggml.tokens")
    if "vocab_size" not in found and isinstance(tokens, LongArray):
        found["vocab_size"] = tokens.length
    _only_the_models_layers(found)
    _layer_types(found, metadata.get(f"{architecture}.attention.sliding_window_pattern"))
    _two_head_sizes(found, metadata.get(f"{architecture}.attention.key_length_swa"))
    _latent_attention(found, architecture, metadata)
    return found


def tied_output(tensors: Iterable[TensorInfo], architecture: str | None) -> TensorInfo | None:
    """The embedding that llama.cpp uses as output too, or None where the output is stored, or there is none.

    Without `output.weight` each model's `load_arch_tensors` (https://github.com/ggml-org/llama.cpp/tree/master/src/models) calls
    `create_tensor(tn(LLM_TENSOR_TOKEN_EMBD, "weight"), ..., TENSOR_DUPLICATED)`. `llama_model_loader::create_tensor`
    (src/llama-model-loader.cpp) then places it as an output: where that is the buffer type of the input, which is always
    the CPU's, the first tensor is given back and nothing is copied; where the output layer is offloaded, a second tensor is
    made, and the embedding takes its bytes twice: once in RAM, once on the device.

    `tensors` are those of the whole model, all files of a split together; an adapter or a projector has no such output.
    """
    if architecture is None or architecture in HEADLESS:
        return None
    embedding = None
    for tensor in tensors:
        if tensor.name == OUTPUT:
            return None
        if tensor.name == EMBEDDING:
            embedding = tensor
    return embedding


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _only_the_models_layers(found: dict[str, object]) -> None:
    """Blocks that predict further tokens are counted as blocks by llama.cpp, and beside the layers by config.json."""
    layers, predictors = found.get("num_hidden_layers"), found.get("num_nextn_predict_layers")
    if isinstance(layers, int) and isinstance(predictors, int) and 0 < predictors < layers:
        found["num_hidden_layers"] = layers - predictors


def _layer_types(found: dict[str, object], pattern: object) -> None:
    """The pattern says of each layer whether it slides, or which layer of a group does not: the last."""
    layers = found.get("num_hidden_layers")
    if type(layers) is not int or not 0 < layers <= MAX_LAYERS:
        return
    if isinstance(pattern, tuple) and len(pattern) >= layers:
        slides = pattern[:layers]
    elif type(pattern) is int and pattern > 0:
        slides = tuple(index % pattern < pattern - 1 for index in range(layers))
    else:
        return
    found["layer_types"] = tuple("sliding_attention" if slide else "full_attention" for slide in slides)


def _two_head_sizes(found: dict[str, object], sliding: object) -> None:
    """Gemma 4's `head_dim` is that of its sliding layers; llama.cpp's plain key is that of the others."""
    if type(sliding) is int and "head_dim" in found:
        found["global_head_dim"], found["head_dim"] = found["head_dim"], sliding


def _latent_attention(found: dict[str, object], architecture: str, metadata: Mapping[str, object]) -> None:
    """DeepSeek's: files state the one head that is cached (`kv_lora_rank` + rotary), and beside it (`_mla`) the model's own.

    Files from before llama.cpp cached it so have no `_mla` keys, and the model's own heads in the plain ones.
    """
    rotary = metadata.get(f"{architecture}.rope.dimension_count")
    if "kv_lora_rank" not in found or type(rotary) is not int:
        return
    key = metadata.get(f"{architecture}.attention.key_length_mla", found.pop("head_dim", None))
    value = metadata.get(f"{architecture}.attention.value_length_mla", found.get("v_head_dim"))
    found["qk_rope_head_dim"] = rotary
    if type(key) is int and key >= rotary:
        found["qk_nope_head_dim"] = key - rotary
    if type(value) is int:
        found["v_head_dim"] = value
    cached, heads = found.get("num_key_value_heads"), found.get("num_attention_heads")
    if isinstance(cached, tuple):  # 0 where a layer of a hybrid has no attention
        found["num_key_value_heads"] = tuple(heads if count else 0 for count in cached)
    elif heads is not None:
        found["num_key_value_heads"] = heads
