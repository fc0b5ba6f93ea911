"""Which way each tensor of a model is cut for tensor parallelism.

vLLM by the classes that it builds its layers from (`ColumnParallelLinear`, `RowParallelLinear`, `QKVParallelLinear`,
`VocabParallelEmbedding`, `ReplicatedLinear`; vllm/model_executor/layers/linear.py of 0.33.0), which follow the names that
transformers gives them; transformers by the plan of the config class (`base_model_tp_plan`) and what it adds to each, and by the
names where it has none.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from fnmatch import translate


class Style(StrEnum):
    """How the ranks share one tensor."""

    REPLICATED = "replicated"
    COLUMN = "column"
    """By output features: weight and bias."""
    KEY_VALUE = "key/value"
    """By KV heads, which are copied where there are fewer than ranks."""
    FUSED_QKV = "query, key and value in one"
    ROW = "row"
    """By input features: the weight; the bias is whole on each."""
    VOCABULARY = "vocabulary"
    """By tokens: embeddings and output heads."""
    EXPERTS = "experts"
    """Of routed experts."""


KEY_VALUE = frozenset({"k_proj", "v_proj", "key", "value", "wk", "wv", "key_proj", "value_proj", "k", "v", "attn_k", "attn_v"})
FUSED = frozenset({"qkv_proj", "query_key_value", "c_attn", "Wqkv", "W_pack", "wqkv", "qkv", "in_proj_qkv", "attn_qkv"})
COLUMN = frozenset(
    {
        "q_proj", "query", "wq", "q", "query_proj", "q_b_proj", "kv_b_proj", "gate_proj", "up_proj", "gate_up_proj", "w1", "w3",
        "fc1", "c_fc", "fc_in", "dense_h_to_4h", "wi", "wi_0", "wi_1", "up_gate_proj", "linear_fc1", "attn_q",
        "ffn_gate", "ffn_up",
        # state-space and linear-attention mixers: cut by their heads
        "in_proj", "in_proj_qkvz", "in_proj_ba", "in_proj_z", "in_proj_b", "in_proj_a", "conv1d", "dt_proj", "A_log", "D",
        "dt_bias",
    }
)  # fmt: skip
ROW = frozenset(
    {
        "o_proj", "out_proj", "wo", "o", "down_proj", "w2", "fc2", "c_proj", "fc_out", "dense_4h_to_h", "x_proj", "linear_fc2",
        "attn_output", "ffn_down",
    }
)  # fmt: skip
EMBEDDINGS = frozenset({"embed_tokens", "wte", "word_embeddings", "embed_in", "tok_embeddings"})
VOCABULARY = EMBEDDINGS | {"lm_head", "embed_out", "output"}
TRANSFORMERS = {
    "colwise": Style.COLUMN, "packed_colwise": Style.COLUMN, "rowwise": Style.ROW, "packed_rowwise": Style.ROW,
    "rowwise_split_input": Style.ROW, "colwise_gather_output": Style.COLUMN, "embedding_rowwise": Style.VOCABULARY,
    "embedding_colwise": Style.COLUMN,
}  # fmt: skip
"""The words of a plan that cut something; any other leaves it whole on each rank."""
EVERY = {"embed_tokens": "embedding_rowwise"}
"""What transformers 5.23 adds to every plan that does not name it itself (`init_parallel_plans`, distributed/mixin.py)."""
KEYS = ("k_proj", "qkv_proj", "query_key_value")  # `get_kv_heads_per_rank`, distributed/tensor_parallel.py of transformers 5.23
QUERIES = ("q_proj", "q_b_proj", "kv_b_proj")
HEADS = ("lm_head", "embed_out")
WHOLE_HEADS = frozenset(
    {
        "AudioFlamingo3ForConditionalGeneration", "EsmcForMaskedLM", "MuseSparkForConditionalGeneration",
        "MusicFlamingoForConditionalGeneration", "Nemotron3_5TranscribeForConditionalGeneration", "NemotronHForCausalLM",
        "NemotronH_Omni_Reasoning_V3",
        "Qwen2AudioForConditionalGeneration", "UltraVBertForMaskedLM", "VibeVoiceAsrForConditionalGeneration",
        "VoxtralForConditionalGeneration",
    }
)  # fmt: skip
"""Classes of transformers 5.23 whose `_tp_plan` does not name their head, where the rest of the model has a plan."""
EXPERT = re.compile(r"(?:^|\.)(?:experts\.|ffn_[a-z_]+_exps(?:\.|$))")  # the second as GGUF names them

StyleOf = Callable[[str], Style]
"""The style of a tensor by its name."""


def by_names(name: str) -> Style:
    """What vLLM makes of a tensor of that name."""
    module, _, leaf = name.rpartition(".")
    above, _, last = module.rpartition(".")
    if is_expert(name):
        return Style.EXPERTS
    if ".indexer." in name:
        return Style.REPLICATED
    if leaf not in ("weight", "bias"):
        last = leaf  # a parameter of the module itself: A_log, D, dt_bias
    if last == "dense":  # BERT's and BLOOM's word for several layers
        return (
            Style.COLUMN
            if above.endswith("intermediate")
            else Style.ROW
            if above.endswith(("output", "attention"))
            else Style.REPLICATED
        )
    for names, style in (
        (KEY_VALUE, Style.KEY_VALUE), (FUSED, Style.FUSED_QKV), (COLUMN, Style.COLUMN), (ROW, Style.ROW),
        (VOCABULARY, Style.VOCABULARY),
    ):  # fmt: skip
        if last in names:
            return style
    return Style.REPLICATED


def by_plan(plan: Mapping[str, str], class_name: str | None = None) -> StyleOf:
    """What a plan of transformers makes of the tensors of a class; patterns are of the base model, below whatever prefix."""
    whole = {**EVERY, **plan}
    rules = [(re.compile(rf"(?:.*\.)?{translate(pattern)}"), TRANSFORMERS.get(word)) for pattern, word in whole.items()]

    def style(name: str) -> Style:
        if is_expert(name):
            return Style.EXPERTS
        module, _, leaf = name.rpartition(".")
        if module.rpartition(".")[2] in HEADS:
            # `_tp_plan` of the classes with a head: colwise_gather_output
            return Style.REPLICATED if class_name in WHOLE_HEADS else Style.VOCABULARY
        for rule, found in rules:
            if rule.match(name) or (leaf in ("weight", "bias") and rule.match(module)):
                return found or Style.REPLICATED
        return Style.REPLICATED

    return style


def cuts_keys(plan: Mapping[str, str]) -> bool:
    """Whether a plan of transformers has each rank make, and keep, the keys of its own heads alone (`get_kv_heads_per_rank`).

    A projection whose output is gathered, or that the plan does not name, leaves every rank with all heads.
    """
    return _cuts(plan, KEYS)


def cuts_heads(plan: Mapping[str, str]) -> bool:
    """Whether a plan of transformers has each rank attend with its own heads, those of latent attention too."""
    return _cuts(plan, KEYS + QUERIES)


def _cuts(plan: Mapping[str, str], names: Sequence[str]) -> bool:
    return any(word == "colwise" and pattern.rpartition(".")[2] in names for pattern, word in plan.items())


def is_expert(name: str) -> bool:
    """Whether a tensor belongs to the routed experts of a layer, not to those that every token passes."""
    return EXPERT.search(name) is not None and "shared_expert" not in name
