"""What each layer of a model keeps, from its config alone: structure, no bytes and no engine."""

from collections.abc import Mapping

from memscan.architecture.settings import Settings
from memscan.cache.attention import attention
from memscan.cache.cross import cross, crosses, image, seen_by
from memscan.cache.decoder import decoder
from memscan.cache.fields import layers_of, of_layer, queries_of, width_of
from memscan.cache.hybrids import DEFAULT_BLOCKS
from memscan.cache.kinds import UNREAD, is_known, keeps_nothing
from memscan.cache.latent import is_latent, latent
from memscan.cache.layer_types import layer_types
from memscan.cache.parts import Attention, CacheSpec, Latent, Part, State, elements
from memscan.cache.patterns import CHUNKED, CONV, FULL, HYBRID, HYBRID_SLIDING, INDEXED, LINEAR, SLIDING
from memscan.cache.recurrent import convolution, embeddings_per_layer, states
from memscan.cache.sparse import HEAVY, SPARSE, compressed, indexed, minimax_sparse
from memscan.errors import FormatError

MAX_LAYERS = 10_000
BARE = frozenset({"moe", "mlp"})
ATTENTION = frozenset({FULL, SLIDING, CHUNKED, "reference_sliding_attention"})
SHARED = "it uses the keys and values of an earlier layer"
NO_ATTENTION = "it has no attention"
HINTS = ("ssm", "mamba", "rwkv", "wkv", "linear_attn", "linear_num", "retention", "lru", "lightning", "hyena", "kda")


def specs(settings: Settings) -> tuple[CacheSpec, ...]:
    """One for each layer of the decoder; `settings` are those of the whole config. Empty where no field counts the layers.

    Raises:
        FormatError: where the config contradicts itself, or leaves out a size that no default stands for.

    """
    text = decoder(settings)
    layers = _layers(text)
    if layers is None:
        return ()
    why = keeps_nothing(settings, text)
    if why is not None:
        return tuple(CacheSpec(layer=layer, layer_type="none", why=why) for layer in range(layers))
    unread = UNREAD.get(settings.model_type or "", UNREAD.get(text.model_type or ""))
    if unread is not None:
        kind = settings.model_type or ""
        return tuple(CacheSpec(layer=layer, layer_type=kind, known=False, why=f"{kind} has {unread}") for layer in range(layers))
    types = layer_types(text, layers)
    seen = frozenset(seen_by(text))
    return tuple(_layer(settings, text, layer, types, sees_image=layer in seen) for layer in range(layers))


def _layers(text: Settings) -> int | None:
    """Layers that keep something of their own: some classes run a layer several times, and keep something each time."""
    layers = layers_of(text)
    kind = text.model_type
    if kind == "nemotron_h" and not isinstance(text.get("num_key_value_heads"), tuple):  # that of a GGUF file
        return _blocks(text)
    if layers is not None and kind == "hrm_text" and not text.gives("num_layers_per_stack"):
        layers *= (text.integer("H_cycles") or 2) * ((text.integer("L_cycles") or 3) + 1)
    if layers is not None and kind == "longcat_flash":
        layers = 2 * (text.layers("num_layers") or layers)
    if layers is not None and layers > MAX_LAYERS:
        raise FormatError(f"{text.path}: its layers are run {layers:,} times, expected at most {MAX_LAYERS:,}")
    return layers


def _blocks(text: Settings) -> int:
    """Nemotron-H counts what it lists, whatever number of layers the config says beside it."""
    names = [name for name in ("layer_types", "layers_block_type") if text.gives(name)]
    listed = text.texts(*names) if names else None
    pattern = text.text_of("hybrid_override_pattern")
    found = len(listed) if listed else len(pattern) if pattern else len(DEFAULT_BLOCKS)
    if found > MAX_LAYERS:
        raise FormatError(f"{text.path}: hybrid_override_pattern has {found:,} layers, expected at most {MAX_LAYERS:,}")
    return found


def _layer(whole: Settings, text: Settings, layer: int, types: tuple[str, ...], *, sees_image: bool) -> CacheSpec:
    layer_type = types[layer]
    own = _of_layer(text, layer, layer_type)
    if layer_type in BARE or _is_no_attention(own, layer):
        return CacheSpec(layer=layer, layer_type=layer_type, why=NO_ATTENTION)
    if sees_image:
        return CacheSpec(layer=layer, layer_type="cross_attention", parts=(image(whole, own, layer),))
    parts = _parts(own, layer, layer_type, is_first=types.index(layer_type) == layer)
    if parts is None:
        return CacheSpec(layer=layer, layer_type=layer_type, known=False, why=_why_unknown(own, layer_type))
    if _is_shared(text, layer, len(types)):
        parts = tuple(part for part in parts if not isinstance(part, Attention | Latent))
        if not parts:
            return CacheSpec(layer=layer, layer_type=layer_type, why=SHARED)
    if crosses(whole, text):
        parts = (*parts, cross(whole, own, layer))
    if not all(elements(part) for part in parts):
        raise FormatError(f"{own.path}: heads and sizes give layer {layer} of type {layer_type} nothing to keep: a field is 0")
    remark = _remark(own, layer_type)
    return CacheSpec(layer=layer, layer_type=layer_type, parts=parts, why=remark, assumed=bool(remark))


def _parts(settings: Settings, layer: int, layer_type: str, *, is_first: bool) -> tuple[Part, ...] | None:  # noqa: PLR0911 -- one for each kind
    """What a layer of that type keeps; None where no rule is known."""
    kind = settings.model_type
    if kind == "deepseek_v4" and layer_type in (SLIDING, HEAVY, SPARSE):
        return compressed(settings, layer, layer_type)
    if layer_type in ATTENTION:
        return _attention(settings, layer, layer_type)
    if layer_type == INDEXED:
        return *indexed(settings, layer, is_first=is_first), *embeddings_per_layer(settings, layer)
    if layer_type == "minimax_m3_sparse":
        return minimax_sparse(settings, layer)
    if layer_type == CONV:
        return convolution(settings)
    if layer_type not in (LINEAR, HYBRID, HYBRID_SLIDING):
        return None
    kept = _short_convolutions(settings, layer_type) or states(settings)
    if kept is None or layer_type == LINEAR:
        return kept if kept is None else (*kept, *embeddings_per_layer(settings, layer))
    return (attention(settings, layer, SLIDING if layer_type == HYBRID_SLIDING else FULL), *kept)


def _attention(settings: Settings, layer: int, layer_type: str) -> tuple[Part, ...] | None:
    if not is_known(settings.model_type) and _has_hints(settings):
        return None
    if is_latent(settings):
        return (latent(settings, layer, layer_type),)
    found = attention(settings, layer, layer_type)
    if found.window is None and layer_type in (SLIDING, CHUNKED):
        return None
    return (found,)


def _short_convolutions(settings: Settings, layer_type: str) -> tuple[Part, ...] | None:
    """Inkling: convolutions over keys, values and both outputs, in float32."""
    width, kernel = width_of(settings), settings.integer("sconv_kernel_size", "conv_kernel_size")
    if settings.model_type not in ("inkling_text", "inkling2_text") or width is None or kernel is None:
        return None
    own = attention(settings, 0, SLIDING if layer_type == HYBRID_SLIDING else FULL)
    rows = ((own.heads, (own.key + own.value) * kernel), (2, width * kernel))
    return (State(name="convolution state", rows=rows, item=4),)


def _of_layer(text: Settings, layer: int, layer_type: str) -> Settings:
    """The settings of one layer, where the config has some of its own for it (`per_layer_config`, `block_configs`)."""
    given = text.values.get("per_layer_config")
    own = given.get(str(layer), given.get(layer_type)) if isinstance(given, dict) else None
    block = _block(text, layer)
    if block is not None and not isinstance(own, dict):
        group, queries = block.get("n_heads_in_group"), queries_of(text, layer)
        if type(group) is int and group > 0 and queries:
            own = {"num_key_value_heads": queries // group}
    if not isinstance(own, dict):
        return text
    return Settings(text.model_type, {**text.values, **own}, f"{text.path}: layer {layer}")


def _block(text: Settings, layer: int) -> Mapping[str, object] | None:
    """What `block_configs` of Nemotron-NAS says of the attention of the layer."""
    blocks = text.values.get("block_configs")
    block = blocks[layer] if isinstance(blocks, list) and layer < len(blocks) else None
    found = block.get("attention") if isinstance(block, dict) else None
    return found if isinstance(found, dict) else None


def _is_no_attention(text: Settings, layer: int) -> bool:
    block = _block(text, layer)
    if block is not None:
        return bool(block.get("no_op") or block.get("replace_with_linear"))
    return of_layer(text, "num_key_value_heads", layer) == 0 and not _has_hints(text)


def _is_shared(text: Settings, layer: int, layers: int) -> bool:
    """Gemma 3n and 4: the last layers keep nothing of their own; Mistral Large 4 names the layer whose latents each uses."""
    source = of_layer(text, "kv_source_layers", layer)
    if source is not None:
        return source != layer
    return layer >= layers - (text.integer("num_kv_shared_layers") or 0)


def _has_hints(settings: Settings) -> bool:
    """Whether the config has fields of layers that are no attention."""
    return any(hint in key for key in settings.values for hint in HINTS) or settings.gives("conv_L_cache")


def _why_unknown(settings: Settings, layer_type: str) -> str:
    if layer_type in (SLIDING, CHUNKED):
        return "the config gives no window for it"
    kind = settings.model_type
    return f"no rule says what such a layer of the model type {kind} keeps" if kind else "no rule says what such a layer keeps"


def _remark(settings: Settings, layer_type: str) -> str:
    """What was assumed; empty where nothing was."""
    kind = settings.model_type
    if layer_type == "reference_sliding_attention":
        return "all tokens are taken for the prompt's, which are all kept; of the answer's only those of the window are"
    if is_known(kind):
        return ""
    named = f"the model type {kind} is not known" if kind else "the config names no model type"
    return f"{named}: taken for attention that keeps keys and values of every token"
