"""The longest context that a model was made for.

The names are those of vLLM 0.33.0 (transformers_utils/model_arch_config_convertor.py, `derive_max_model_len_and_key`); the
smallest counts. Rotary embeddings that are stretched say how far: transformers 5.23.0, modeling_rope_utils.py.
"""

from memscan.architecture.settings import Settings
from memscan.cache.decoder import decoder

NAMES = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "max_target_positions",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
    "n_ctx",
    "max_length_of_context",
)
STRETCHED = ("yarn", "linear", "dynamic", "mrope_yarn")
"""Kinds whose `max_position_embeddings` may be the length before they were stretched."""
OPEN = frozenset({"mamba", "mamba2", "falcon_mamba", "rwkv", "rwkv6", "rwkv7", "xlstm"})
"""Model types without positions: no context is too long for them."""
RELATIVE = frozenset({"t5", "mt5", "umt5", "longt5", "switch_transformers", "pop2piano", "bloom"})
"""Model types that see distances alone (buckets, ALiBi): the length that their config states is that of their training."""
MOST = 1 << 40


def longest_context(settings: Settings) -> int | None:
    """Tokens that the decoder was made for; None where nothing says it, or where there is no limit.

    Raises:
        FormatError: for a field that is no number.

    """
    text = decoder(settings)
    if text.model_type in RELATIVE or (text.model_type in OPEN and not any(text.gives(name) for name in NAMES)):
        return None
    own = text.integer("model_max_length")  # Cohere's, which says more than its positions
    if own:
        return own
    lengths = [length for name in NAMES if (length := text.integer(name))]
    if not lengths:
        return None
    return max(min(lengths), _stretched(text))


def usual_context(settings: Settings) -> int | None:
    """Tokens that the decoder was trained on, where its config says so, whether or not it can take more."""
    text = decoder(settings)
    if text.model_type not in RELATIVE:
        return longest_context(settings)
    return min((length for name in NAMES if (length := text.integer(name))), default=None)


def _stretched(text: Settings) -> int:
    """The length that scaled rotary embeddings reach from the one that they are scaled from; 0 where they are not."""
    scaling = text.get("rope_scaling")
    scaling = scaling if isinstance(scaling, dict) else text.get("rope_parameters")
    if not isinstance(scaling, dict):
        return 0
    inside = Settings(None, scaling, f"{text.path}: rope_scaling")
    kind = inside.get("rope_type", "type")
    factor, original = inside.number("factor"), inside.integer("original_max_position_embeddings")
    if kind not in STRETCHED or factor is None or not original:
        return 0
    return min(int(factor * original), MOST)
