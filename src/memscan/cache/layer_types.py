"""The type of each layer, in the words of transformers: as the config lists them, or by the rule of its class.

Order: what config.json lists (`layer_types`, `layers_block_type`); the rule of the model type; the older fields by which hybrids
of remote code say it; and last the rule of `get_layer_types_and_kwargs` (transformers 5.23.0, cache_utils.py): sliding where
there is a window, chunked where there is a chunk, else full.
"""

from collections.abc import Callable, Mapping

from memscan.architecture import Settings
from memscan.cache.patterns import (
    CHUNKED,
    CONV,
    FULL,
    HYBRID,
    HYBRID_SLIDING,
    INDEXED,
    LINEAR,
    PATTERNS,
    SLIDING,
    UNIFORM,
    Every,
)
from memscan.cache.windows import window_of
from memscan.errors import FormatError

Rule = Callable[[Settings, int], tuple[str, ...]]

REMAP: Mapping[str, str] = {
    "mamba": LINEAR,
    "mamba2": LINEAR,
    "attention": FULL,
    "deepseek_sparse_attention": INDEXED,
    "qwen_sparse_attention": INDEXED,
    "recurrent": LINEAR,
}
"""Older names: `_LEGACY_LAYER_TYPE_REMAP` in configuration_utils.py."""

LISTS = ("layer_types", "layers_block_type")
LAST_IS_FULL = frozenset({"gemma4_text", "gemma4_unified_text", "diffusion_gemma_text", "embedding_gemma2_text"})
FULL_IS_INDEXED = frozenset({"glm5_next_text", "qwen4_exp_text"})
BLOCKS: Mapping[str, str] = {"M": LINEAR, "*": FULL, "-": "mlp", "E": "moe"}  # NemotronHConfig._pattern_to_list
COMPRESSED: Mapping[int, str] = {0: SLIDING, 4: "compressed_sparse_attention", 128: "heavily_compressed_attention"}


def layer_types(settings: Settings, layers: int) -> tuple[str, ...]:
    """The type of each of the decoder's `layers`; `settings` are the decoder's.

    Raises:
        FormatError: where the config lists fewer types than it has layers, or something else than types.

    """
    for name in LISTS:
        listed = settings.texts(name)
        if listed:
            return _listed(settings, name, listed, layers)
    return _by_rule(settings, layers)


def _listed(settings: Settings, name: str, listed: tuple[str, ...], layers: int) -> tuple[str, ...]:
    if len(listed) < layers:
        raise FormatError(f"{settings.path}: {name} has {len(listed)} types, expected one for each of {layers} layers")
    found = [REMAP.get(one, one) for one in listed[:layers]]  # what is left over are layers that predict further tokens
    if settings.model_type in LAST_IS_FULL and found:
        found[-1] = FULL
    if settings.model_type in FULL_IS_INDEXED:
        found = [INDEXED if one == FULL else one for one in found]
    if settings.model_type == "dots3_note_text" and (settings.gives("use_dsa") or not settings.gives("per_layer_config")):
        found = _indexed_or_not(settings, found)
    return tuple(found)


def _by_rule(settings: Settings, layers: int) -> tuple[str, ...]:
    kind = settings.model_type or ""
    by_heads = _by_heads(settings, layers)
    if by_heads is not None:
        return by_heads
    if kind in PATTERNS:
        return PATTERNS[kind].types(settings, layers)
    if kind in RULES:
        return RULES[kind](settings, layers)
    if kind in UNIFORM:
        return (UNIFORM[kind],) * layers
    for field, rule in FIELDS.items():
        if settings.gives(field):
            return rule(settings, layers)
    return (_usual(settings),) * layers


def _by_heads(settings: Settings, layers: int) -> tuple[str, ...] | None:
    """GGUF files of hybrids: a layer without KV heads has a state, or only a feed-forward part where that has a size."""
    heads = settings.integers("num_key_value_heads")
    if heads is None or len(heads) < layers or all(heads[:layers]):
        return None
    other = CONV if settings.gives("conv_L_cache") else LINEAR
    if other == LINEAR and not any(settings.gives(name) for name in ("ssm_inner_size", "kda_head_dim", "wkv_head_size")):
        return None
    forward = settings.integers("intermediate_size") if settings.model_type in ("nemotron_h", "nemotron_h_moe") else None
    bare = {index for index, size in enumerate(forward or ()) if size}
    return tuple(FULL if heads[index] else "mlp" if index in bare else other for index in range(layers))


def _usual(settings: Settings) -> str:
    if window_of(settings) is not None:
        return SLIDING
    return CHUNKED if settings.integer("attention_chunk_size") else FULL


def _windowed(settings: Settings, layers: int) -> tuple[str, ...]:
    """Qwen2: the layers from `max_window_layers` on slide, where windows are used at all."""
    first = settings.integer("max_window_layers") or 0
    slides = window_of(settings) is not None
    return tuple(SLIDING if slides and index >= first else FULL for index in range(layers))


def _windowed_alternately(settings: Settings, layers: int) -> tuple[str, ...]:
    """Qwen2-MoE."""
    first = settings.integer("max_window_layers") or 0
    slides = settings.flag("use_sliding_window")
    return tuple(SLIDING if slides and index % 2 == 0 and index < first else FULL for index in range(layers))


def _exaone(settings: Settings, layers: int) -> tuple[str, ...]:
    if window_of(settings) is None:
        return (FULL,) * layers
    pattern = settings.get("sliding_window_pattern")
    if isinstance(pattern, str) and pattern:  # `LLLG`, as the first configs of EXAONE 4 had it
        return tuple(FULL if pattern[index % len(pattern)] == "G" else SLIDING for index in range(layers))
    return Every(period=4, field="sliding_window_pattern").types(settings, layers)


def _cohere2_moe(settings: Settings, layers: int) -> tuple[str, ...]:
    dense = min(settings.integer("first_k_dense_replace") or 0, layers) if settings.gives("first_k_dense_replace") else 0
    head = Every(period=1, field="prefix_dense_sliding_window_pattern").types(settings, dense)
    return head + Every(period=4, field="sliding_window_pattern").types(settings, layers - dense)


def _dots3_note(settings: Settings, layers: int) -> tuple[str, ...]:
    slides = settings.flag("use_sliding_window") if settings.gives("use_sliding_window") else True
    found = [SLIDING if slides and index >= 2 and index % 4 != 1 else FULL for index in range(layers)]
    return tuple(_indexed_or_not(settings, found))


def _indexed_or_not(settings: Settings, found: list[str]) -> list[str]:
    uses = settings.values.get("use_dsa", True)
    old, new = (FULL, INDEXED) if uses else (INDEXED, FULL)
    return [new if one == old else one for one in found]


def _flint(settings: Settings, layers: int) -> tuple[str, ...]:  # noqa: ARG001 -- what every rule is asked
    return tuple(FULL if index < 2 or index % 4 == 1 or index == layers - 1 else SLIDING for index in range(layers))


def _mimo(settings: Settings, layers: int) -> tuple[str, ...]:  # noqa: ARG001 -- what every rule is asked
    return tuple(FULL if index == 0 or (index + 1) % 6 == 0 else SLIDING for index in range(layers))


def _lfm2(settings: Settings, layers: int) -> tuple[str, ...]:
    given = settings.integers("full_attn_idxs")
    full = None if given is None else frozenset(given)
    return tuple(FULL if full is None or index in full else CONV for index in range(layers))


def _lfm3(settings: Settings, layers: int) -> tuple[str, ...]:  # noqa: ARG001 -- what every rule is asked
    return tuple(FULL if i % 4 == 2 else SLIDING if i % 4 == 0 and i > 0 else CONV for i in range(layers))


def _lfm3_vl(settings: Settings, layers: int) -> tuple[str, ...]:  # noqa: ARG001 -- what every rule is asked
    return tuple(CONV if index < 2 or index % 2 else FULL for index in range(layers))


def _rotary_or_not(settings: Settings, layers: int) -> tuple[int, ...]:
    """Whether each layer has rotary embeddings: 1 or 0."""
    listed = settings.integers("no_rope_layers")
    if not listed:
        interval = settings.integer("no_rope_layer_interval") or 4
        return tuple(int((index + 1) % interval != 0) for index in range(layers))
    if len(listed) < layers:
        raise FormatError(f"{settings.path}: no_rope_layers has {len(listed)} entries, expected one for each of {layers} layers")
    return listed[:layers]


def _llama4(settings: Settings, layers: int) -> tuple[str, ...]:
    return tuple(CHUNKED if rotary else FULL for rotary in _rotary_or_not(settings, layers))


def _smollm3(settings: Settings, layers: int) -> tuple[str, ...]:
    slides = settings.flag("use_sliding_window") and window_of(settings) is not None
    return tuple(SLIDING if slides and not rotary else FULL for rotary in _rotary_or_not(settings, layers))


def _ministral(settings: Settings, layers: int) -> tuple[str, ...]:
    return (FULL if window_of(settings) is None else SLIDING,) * layers


def _inkling(settings: Settings, layers: int) -> tuple[str, ...]:
    given = settings.integers("local_layer_ids")
    if given is None:
        return Every(period=6, one=HYBRID, rest=HYBRID_SLIDING).types(settings, layers)
    local = frozenset(given)
    return tuple(HYBRID_SLIDING if index in local else HYBRID for index in range(layers))


def _kimi_linear(settings: Settings, layers: int) -> tuple[str, ...]:
    given = settings.inside("linear_attn_config")
    full, linear = (None, None) if given is None else (given.integers("full_attn_layers"), given.integers("kda_layers"))
    if full is None or linear is None:
        return tuple(FULL if index and index % 4 == 0 else LINEAR for index in range(layers))
    # Counted from 1; a layer that neither list names has no type.
    types = dict.fromkeys(full, FULL) | dict.fromkeys(linear, LINEAR)
    return tuple(types.get(index, "") for index in range(1, layers + 1))


def _minimax_m3(settings: Settings, layers: int) -> tuple[str, ...]:
    given = settings.inside("sparse_attention_config")
    sparse = None if given is None else given.integers("sparse_attention_freq")
    if sparse is None:
        return (FULL,) * layers
    return _listed(settings, "sparse_attention_freq", tuple("minimax_m3_sparse" if one else FULL for one in sparse), layers)


def _nemotron_h(settings: Settings, layers: int) -> tuple[str, ...]:
    pattern = settings.text_of("hybrid_override_pattern")
    if pattern is None:
        return tuple(REMAP.get(one, one) for one in ("linear_attention", "moe", "full_attention", "mlp"))[:layers]
    return _listed(settings, "hybrid_override_pattern", tuple(BLOCKS.get(one, one) for one in pattern[:layers]), layers)


def _olmo_hybrid(settings: Settings, layers: int) -> tuple[str, ...]:
    return Every(period=4, rest=LINEAR, ends=layers < 4).types(settings, layers)


def _deepseek_v4(settings: Settings, layers: int) -> tuple[str, ...]:
    ratios = settings.integers("compress_ratios")
    if ratios is not None:
        return _listed(settings, "compress_ratios", tuple(COMPRESSED.get(one, f"compressed {one}") for one in ratios), layers)
    heavy, sparse = COMPRESSED[128], COMPRESSED[4]
    return tuple(heavy if index < 2 or index % 2 == 0 else sparse for index in range(layers))


def _jamba(settings: Settings, layers: int) -> tuple[str, ...]:
    period, offset = settings.integer("attn_layer_period"), settings.integer("attn_layer_offset") or 0
    if not period:
        raise FormatError(f"{settings.path}: attn_layer_period is {period}, expected a number of layers that take turns")
    return tuple(FULL if index % period == offset else LINEAR for index in range(layers))


def _bamba(settings: Settings, layers: int) -> tuple[str, ...]:
    full = frozenset(settings.integers("attn_layer_indices") or ())
    return tuple(FULL if index in full else LINEAR for index in range(layers))


def _zamba(settings: Settings, layers: int) -> tuple[str, ...]:
    period, offset = settings.integer("attn_layer_period") or 6, settings.integer("attn_layer_offset") or 0
    head = (LINEAR, LINEAR, HYBRID)
    rest = tuple(HYBRID if index % period == offset else LINEAR for index in range(max(0, layers - len(head))))
    return (head + rest)[:layers]


def _zamba2(settings: Settings, layers: int) -> tuple[str, ...]:
    hybrid = settings.integers("hybrid_layer_ids")
    if hybrid is None:
        pattern = "M" + "MMMMMH" * 7 + "MMMMH" + "MMMH" + "MM"
        hybrid = tuple(index for index, one in enumerate(pattern) if one == "H")
    both = frozenset(hybrid)
    return tuple(HYBRID if index in both else LINEAR for index in range(layers))


def _recurrent_gemma(settings: Settings, layers: int) -> tuple[str, ...]:
    blocks = settings.texts("block_types") or ("recurrent", "recurrent", "attention")
    return tuple(LINEAR if blocks[index % len(blocks)] == "recurrent" else SLIDING for index in range(layers))


def _unlimited_ocr(settings: Settings, layers: int) -> tuple[str, ...]:
    return (FULL if window_of(settings) is None else "reference_sliding_attention",) * layers


def _attention_types(settings: Settings, layers: int) -> tuple[str, ...]:
    """MiniMax-Text-01's remote code: 1 is softmax attention, 0 lightning attention."""
    return _listed(
        settings,
        "attn_type_list",
        tuple(
            FULL if one == 1 else LINEAR if one == 0 else f"attention type {one}"
            for one in settings.integers("attn_type_list") or ()
        ),
        layers,
    )


RULES: Mapping[str, Rule] = {
    "bamba": _bamba,
    "cohere2_moe": _cohere2_moe,
    "deepseek_ocr2_text": _windowed,
    "deepseek_v4": _deepseek_v4,
    "dots1": _windowed,
    "dots3_note_text": _dots3_note,
    "exaone4": _exaone,
    "exaone_moe": _exaone,
    "flint": _flint,
    "inkling_text": _inkling,
    "jamba": _jamba,
    "kimi_linear": _kimi_linear,
    "lfm2": _lfm2,
    "lfm2_moe": _lfm2,
    "lfm3": _lfm3,
    "lfm3_vl_text": _lfm3_vl,
    "llama4_text": _llama4,
    "mimo_v2_flash": _mimo,
    "minimax_m3_vl_text": _minimax_m3,
    "ministral": _ministral,
    "nemotron_h": _nemotron_h,
    "olmo_hybrid": _olmo_hybrid,
    "qwen2": _windowed,
    "qwen2_5_omni_talker": _windowed,
    "qwen2_5_omni_text": _windowed,
    "qwen2_5_vl_text": _windowed,
    "qwen2_moe": _windowed_alternately,
    "qwen2_vl_text": _windowed,
    "qwen3": _windowed,
    "qwen3_omni_moe_talker_code_predictor": _windowed,
    "recurrent_gemma": _recurrent_gemma,
    "smollm3": _smollm3,
    "unlimited_ocr_text": _unlimited_ocr,
    "zamba": _zamba,
    "zamba2": _zamba2,
}
"""By model type."""

FIELDS: Mapping[str, Rule] = {
    "hybrid_override_pattern": _nemotron_h,
    "full_attn_idxs": _lfm2,
    "attn_type_list": _attention_types,
    "attn_layer_period": _jamba,
    "attn_layer_indices": _bamba,
    "hybrid_layer_ids": _zamba2,
    "full_attention_interval": PATTERNS["qwen3_next"].types,
    "layer_group_size": PATTERNS["bailing_hybrid"].types,
    "linear_attn_config": _kimi_linear,
    "no_rope_layers": _llama4,
    "sliding_window_pattern": PATTERNS["gemma3_text"].types,
}
"""By a field that a config of a model type that is not known gives."""
