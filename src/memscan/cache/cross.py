"""Cross-attention: keys and values of an encoder's tokens, computed once and kept while the answer is written.

transformers 5.23.0: `EncoderDecoderCache` (cache_utils.py); heads and sizes are those of the decoder's other attention, but for
the model types named here.
"""

from memscan.architecture.settings import Settings
from memscan.cache.attention import attention
from memscan.cache.fields import queries_of
from memscan.cache.kinds import writes_alone
from memscan.cache.parts import Cross
from memscan.cache.patterns import FULL

WRAPPERS = frozenset(
    {"encoder-decoder", "vision-encoder-decoder", "speech-encoder-decoder", "musicgen", "musicgen_melody", "rag"}
)
TILES = 4  # that an image of Llama 3.2 Vision is cut into at most
PATCH = 14


def crosses(whole: Settings, text: Settings) -> bool:
    """Whether the decoder looks at an encoder."""
    if writes_alone(whole):
        return text.flag("add_cross_attention")
    return (
        whole.model_type in WRAPPERS or whole.flag("is_encoder_decoder") or text.flag("is_encoder_decoder", "add_cross_attention")
    )


def cross(whole: Settings, text: Settings, layer: int) -> Cross:
    """What the layer keeps of the encoder's tokens."""
    if text.model_type in ("dia", "dia_decoder"):
        heads = text.integer("cross_num_key_value_heads", "cross_num_attention_heads") or queries_of(text, layer) or 0
        width = text.integer("cross_head_dim") or text.integer("head_dim") or 0
        return Cross(heads=heads, key=width, value=width)
    own = attention(text, layer, FULL)
    tokens = whole.integer("max_source_positions") if whole.model_type == "whisper" else None
    return Cross(heads=own.heads, key=own.key, value=own.value, tokens=tokens)


def seen_by(settings: Settings) -> tuple[int, ...]:
    """The layers of Llama 3.2 Vision that look at the image and at nothing else."""
    return settings.integers("cross_attention_layers") or ()


def image(whole: Settings, text: Settings, layer: int) -> Cross:
    """What such a layer keeps: keys and values of all patches of all tiles, and of one more vector for each tile."""
    own = attention(text, layer, FULL)
    vision = whole.inside("vision_config")
    size, patch, tiles = (
        (None, None, None)
        if vision is None
        else (vision.integer("image_size"), vision.integer("patch_size"), vision.integer("max_num_tiles"))
    )
    side = (size or 0) // (patch or PATCH)
    tokens = (tiles or TILES) * (side * side + 1)
    return Cross(heads=own.heads, key=own.key, value=own.value, tokens=tokens)
