"""Multi-head latent attention: what is kept is one vector of each token, not keys and values (DeepSeek-V2, arXiv:2405.04434).

transformers 5.23.0 keeps latents of every model type that it has (`past_key_values.update(k_pass, k_rot, ...)`, one head); the
remote code of the first of these models keeps keys and values of all heads. vLLM and llama.cpp keep latents of all.
"""

from memscan.architecture.settings import Settings
from memscan.cache.attention import LOCAL
from memscan.cache.fields import of_layer, queries_of
from memscan.cache.kinds import is_of_transformers
from memscan.cache.parts import Latent
from memscan.cache.windows import window_of
from memscan.errors import FormatError


def is_latent(settings: Settings) -> bool:
    """Whether the config's attention is of this kind."""
    return bool(settings.integer("kv_lora_rank"))


def latent(settings: Settings, layer: int, layer_type: str) -> Latent:
    """What the layer keeps.

    Raises:
        FormatError: where a size is missing.

    """
    local = layer_type in LOCAL
    rank = _own(settings, "kv_lora_rank", local=local)
    rotary = _rotary(settings, layer, local=local)
    nope = _own(settings, "qk_nope_head_dim", local=local)
    value = _own(settings, "v_head_dim", local=local)
    heads = _own(settings, "num_attention_heads", local=local) or queries_of(settings, layer)
    if rank is None or rotary is None or heads is None:
        raise FormatError(f"{settings.path}: latent attention needs kv_lora_rank, qk_rope_head_dim and num_attention_heads")
    key = (nope or 0) + rotary
    return Latent(
        rank=rank,
        rotary=rotary,
        heads=heads,
        key=key,
        value=value or key,
        window=window_of(settings) if local else None,
        expanded=not is_of_transformers(settings.model_type),
    )


DOTS3_SLIDING = {"kv_lora_rank": 1024, "qk_nope_head_dim": 192, "v_head_dim": 128, "head_dim": 256, "num_attention_heads": 64}


def _own(settings: Settings, name: str, *, local: bool) -> int | None:
    if local and not settings.gives("per_layer_config"):
        own = settings.integer(f"swa_{name}")
        if own is not None:
            return own
        if settings.model_type == "dots3_note_text":
            return DOTS3_SLIDING[name]
    return settings.integer(name)


def _rotary(settings: Settings, layer: int, *, local: bool) -> int | None:
    if local and settings.model_type == "dots3_note_text" and not settings.gives("per_layer_config"):
        own = settings.integer("swa_qk_rope_head_dim")
        head, nope = (_own(settings, name, local=True) for name in ("head_dim", "qk_nope_head_dim"))
        return own if own is not None else (head or 0) - (nope or 0)
    rotary = settings.integer("qk_rope_head_dim")
    return rotary if _has_rotary(settings, layer) else 0


def _has_rotary(settings: Settings, layer: int) -> bool:
    """Whether the layer has rotary embeddings: each fourth of Mistral Large 4 has none."""
    if settings.model_type != "mistral_large4_text":
        return True
    given = of_layer(settings, "no_rope_layers", layer)
    if given is not None:
        return bool(given)
    return (layer + 1) % (settings.integer("no_rope_layer_interval") or 4) != 0
