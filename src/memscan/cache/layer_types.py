"""The type of each layer, in the words of transformers: as the config lists them, or by the rule of its class.

Order: what config.json lists (`layer_types`, `layers_block_type`); the rule of the model type; the older fields by which hybrids
of remote code say it; and last the rule of `get_layer_types_and_kwargs` (transformers 5.23.0, cache_utils.py): sliding where
there is a window, chunked where there is a chunk, else full.
"""

from memscan.architecture.settings import Settings
from memscan.cache.hybrids import FIELDS, HYBRIDS
from memscan.cache.kinds import is_of_transformers
from memscan.cache.listed import listed
from memscan.cache.patterns import CHUNKED, CONV, FULL, INDEXED, LINEAR, PATTERNS, SLIDING, UNIFORM
from memscan.cache.windowed import WINDOWED, indexed_or_not, llama4
from memscan.cache.windows import window_of

LISTS = ("layer_types", "layers_block_type")
LAST_IS_FULL = frozenset({"gemma4_text", "gemma4_unified_text", "diffusion_gemma_text", "embedding_gemma2_text"})
FULL_IS_INDEXED = frozenset({"glm5_next_text", "qwen4_exp_text"})
RULES = {**HYBRIDS, **WINDOWED}
OF_REMOTE_CODE = {**FIELDS, "no_rope_layers": llama4, "sliding_window_pattern": PATTERNS["gemma3_text"].types}
"""By a field that a config of a model type that is not known gives."""


def layer_types(settings: Settings, layers: int) -> tuple[str, ...]:
    """The type of each of the decoder's `layers`; `settings` are the decoder's.

    Raises:
        FormatError: where the config lists fewer types than it has layers, or something else than types.

    """
    for name in LISTS:
        given = settings.texts(name) if settings.gives(name) else None  # the default of a class is for its own number of layers
        if given:
            return _normal(settings, listed(settings, name, given, layers))
    return _by_rule(settings, layers)


def _normal(settings: Settings, types: tuple[str, ...]) -> tuple[str, ...]:
    """What some classes change in a list that they are given."""
    found = list(types)
    if settings.model_type in LAST_IS_FULL and found:
        found[-1] = FULL
    if settings.model_type in FULL_IS_INDEXED:
        found = [INDEXED if one == FULL else one for one in found]
    if settings.model_type == "dots3_note_text" and (settings.gives("use_dsa") or not settings.gives("per_layer_config")):
        found = indexed_or_not(settings, found)
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
    if not is_of_transformers(kind):
        for field, rule in OF_REMOTE_CODE.items():
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
