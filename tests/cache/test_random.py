"""Whatever stands in the fields of a config: lines, or an error that says what is wrong; in bounded time."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memscan.architecture.settings import Settings
from memscan.cache import ENGINES, CacheRequest, kept, longest_context
from memscan.cache.hybrids import HYBRIDS
from memscan.cache.patterns import PATTERNS, UNIFORM
from memscan.cache.windowed import WINDOWED
from memscan.errors import FormatError
from memscan.item import Basis

FIELDS = [
    "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "hidden_size", "layer_types", "sliding_window",
    "sliding_window_pattern", "use_sliding_window", "max_window_layers", "attention_chunk_size", "layers_block_type",
    "hybrid_override_pattern", "full_attn_idxs", "attn_type_list", "attn_layer_period", "attn_layer_offset", "attn_layer_indices",
    "block_configs", "per_layer_config", "kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim", "index_head_dim",
    "indexer_types", "index_topk_freq", "index_topk_pattern", "num_kv_shared_layers", "kv_source_layers", "no_rope_layers",
    "no_rope_layer_interval", "mamba_n_heads", "mamba_d_head", "mamba_d_state", "mamba_d_conv", "mamba_expand", "mamba_n_groups",
    "mamba_d_ssm", "state_size", "conv_kernel", "expand", "linear_num_key_heads", "linear_num_value_heads", "linear_key_head_dim",
    "linear_value_head_dim", "linear_conv_kernel_dim", "linear_attn_config", "conv_L_cache", "ssm_inner_size", "ssm_state_size",
    "ssm_conv_kernel", "ssm_group_count", "wkv_head_size", "kda_head_dim", "compress_ratios", "compress_rates",
    "sparse_attention_config", "cross_attention_layers", "is_encoder_decoder", "add_cross_attention", "decoder_layers",
    "decoder_attention_heads", "max_position_embeddings", "model_max_length", "rope_scaling", "multi_query",
    "multi_query_attention", "multi_query_group_num", "new_decoder_architecture", "attn_config", "block_types", "local_layer_ids",
    "swa_num_key_value_heads", "swa_head_dim", "global_head_dim", "text_config", "decoder_config", "vision_config", "H_cycles",
    "full_attention_interval", "layer_group_size", "ple_layer_ids", "hybrid_layer_ids", "mamba_ssm_dtype", "architectures",
]  # fmt: skip
OTHERS = ["llama", "gemma3n_text", "t5", "whisper", "mllama", "falcon", None, "x"]
KINDS = [*sorted({*PATTERNS, *UNIFORM, *HYBRIDS, *WINDOWED}), *OTHERS]
WORDS = st.sampled_from(
    ["full_attention", "sliding_attention", "linear_attention", "conv", "hybrid", "moe", "M*-E", "auto", "full"]
)
NUMBERS = st.integers(-3, 70) | st.sampled_from([10**4, 10**5, 10**30, 2.0, 0.5, float("nan"), float("inf")])
PLAIN = st.none() | st.booleans() | NUMBERS | WORDS
ANY = st.recursive(
    PLAIN,
    lambda inside: (
        st.lists(inside, max_size=8) | st.dictionaries(st.sampled_from([*FIELDS, "0", "1", "attention"]), inside, max_size=4)
    ),
    max_leaves=12,
)
SANE = {
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 32,
    "head_dim": 8,
    "sliding_window": 5,
}


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(KINDS),
    values=st.dictionaries(st.sampled_from(FIELDS), ANY, max_size=8),
    sane=st.booleans(),
)
def test_any_config_gives_lines_or_a_format_error(engine: str, kind: str | None, values: dict[str, Any], sane: bool) -> None:
    values = {**(SANE if sane else {}), **values}
    request = CacheRequest(engine=engine, tokens=100, sequences=2, model_dtype="bfloat16")
    try:
        items = kept(Settings(kind, values), request)
    except FormatError:
        return
    assert items
    for item in items:
        assert (item.nbytes is None) == (item.basis is Basis.UNKNOWN)
        assert item.nbytes is None or (isinstance(item.nbytes, int) and item.nbytes >= 0)
        assert item.nbytes is None or item.formula
        assert item.note or item.nbytes


@settings(max_examples=200, deadline=None)
@given(kind=st.sampled_from(KINDS), values=st.dictionaries(st.sampled_from(FIELDS), ANY, max_size=6))
def test_any_config_has_a_context_or_none_or_a_format_error(kind: str | None, values: dict[str, Any]) -> None:
    try:
        found = longest_context(Settings(kind, values))
    except FormatError:
        return
    assert found is None or found > 0
