"""Attention that keeps keys and values: heads and sizes of one layer.

Sources: the attention classes of transformers 5.23.0 (models/*/modeling_*.py) and, for remote code, `CONFIG_FIELD_ALIASES` and
the convertors of vLLM 0.33.0 (transformers_utils/model_arch_config_convertor.py).
"""

from memscan.architecture.settings import Settings
from memscan.cache.fields import GROUPS, HEAD_WIDTHS, counted, queries_of, width_of
from memscan.cache.parts import Attention
from memscan.cache.patterns import CHUNKED, FULL
from memscan.cache.windows import window_of
from memscan.errors import FormatError

DECODERS = ("decoder_attention_heads", "num_decoder_attention_heads", "decoder_num_attention_heads")
LOCAL = frozenset({"sliding_attention", "hybrid_sliding"})
GLOBAL_SIZES = frozenset({"gemma4_text", "gemma4_unified_text", "diffusion_gemma_text", "embedding_gemma2_text"})
GLOBAL_HEAD_DIM = 512  # their default
LONG_WINDOW = 1024  # NeomMe's other window
MULTI_QUERY = frozenset({"gpt_bigcode", "falcon", "RefinedWeb", "RefinedWebModel"})
FALCONS = frozenset({"falcon", "RefinedWeb", "RefinedWebModel"})
ROTARY_TWICE = frozenset({"zamba", "zamba2"})


def attention(settings: Settings, layer: int, layer_type: str) -> Attention:
    """What the layer's attention keeps; `layer_type` is any whose attention keeps keys and values.

    Raises:
        FormatError: where the config does not say how many heads there are, or how large they are.

    """
    heads = kv_heads(settings, layer, layer_type)
    key = _key_width(settings, layer, layer_type)
    value = _value_width(settings, layer_type, key)
    window = None
    if layer_type in LOCAL:
        window = _window(settings, layer)
    elif layer_type == CHUNKED:
        window = settings.integer("attention_chunk_size")
    broadcast = queries_of(settings, layer) if _is_broadcast(settings) else None
    prompt = (settings.integer("prompt_length") or 0) if settings.model_type == "cpmant" else 0
    return Attention(
        heads=heads, key=key, value=value, window=window, chunked=layer_type == CHUNKED, broadcast=broadcast, prompt=prompt
    )


def kv_heads(settings: Settings, layer: int, layer_type: str = FULL) -> int:
    """KV heads of the layer."""
    kind = settings.model_type
    if layer_type in LOCAL:
        own = settings.integer("swa_num_key_value_heads")
        if own is not None:
            return own
    elif _is_global(settings) and (kind == "diffusion_gemma_text" or settings.flag("attention_k_eq_v")):
        own = settings.integer("num_global_key_value_heads")
        if own is not None:
            return own
    queries = queries_of(settings, layer)
    found = _grouped(settings, layer, queries)
    if found is None:
        found = queries
    if found is None:
        raise FormatError(f"{settings.path}: no field says how many attention heads there are (num_attention_heads)")
    return 2 * found if kind == "mimo_v2_flash" and layer_type in LOCAL else found


def _grouped(settings: Settings, layer: int, queries: int | None) -> int | None:
    """KV heads by a field of their own."""
    kind = settings.model_type
    if settings.gives("multi_query_group_num") or kind == "chatglm":
        return settings.integer("multi_query_group_num") if settings.flag("multi_query_attention") else None
    if kind in MULTI_QUERY and not settings.flag("new_decoder_architecture"):
        return 1 if settings.flag("multi_query") else queries
    if settings.integer(*DECODERS) is not None:  # other names for KV heads may be those of the encoder
        return settings.integer("decoder_num_key_value_heads")
    inner = settings.inside("attn_config")
    if inner is not None:
        grouped = inner.integer("kv_n_heads")
        if grouped is not None:
            return grouped
    return counted(settings, GROUPS, layer)


def _is_global(settings: Settings) -> bool:
    """Whether layers of full attention have sizes of their own, which the class has put into `per_layer_config` when it saves."""
    return settings.model_type in GLOBAL_SIZES and not settings.gives("per_layer_config")


def _is_broadcast(settings: Settings) -> bool:
    return settings.model_type in FALCONS and settings.flag("new_decoder_architecture")


def _key_width(settings: Settings, layer: int, layer_type: str) -> int:
    kind = settings.model_type
    if layer_type in LOCAL:
        own = settings.integer("swa_head_dim")
        if own is not None:
            return own
    elif _is_global(settings):
        own = settings.integer("global_head_dim")
        return GLOBAL_HEAD_DIM if own is None else own
    given = settings.integer(*HEAD_WIDTHS)
    if given:  # None, and 0, where the class divides
        return given
    width, queries = width_of(settings), queries_of(settings, layer)
    if not width or not queries:
        raise FormatError(f"{settings.path}: no field says how large an attention head is (head_dim, or hidden_size and heads)")
    return (2 * width if kind in ROTARY_TWICE else width) // queries


def _value_width(settings: Settings, layer_type: str, key: int) -> int:
    if layer_type in LOCAL:
        own = settings.integer("swa_v_head_dim")
        if own is not None:
            return own
    return settings.integer("v_head_dim") or key


def _window(settings: Settings, layer: int) -> int | None:
    if settings.model_type == "neomme" and not settings.gives("per_layer_config"):
        # Every other layer that slides does so with the longer window; every sixth layer does not slide.
        sliding = layer - (layer + 1) // 6
        return LONG_WINDOW if sliding % 2 else window_of(settings)
    return window_of(settings)
