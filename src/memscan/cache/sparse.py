"""Sparse attention: what finds the tokens to look at, beside what is kept of them.

transformers 5.23.0: `DynamicIndexedLayer` (cache_utils.py), deepseek_v32, glm_moe_dsa and kin, minimax_m3_vl; DeepSeek-V4's
compressors (models/deepseek_v4/modeling_deepseek_v4.py).
"""

from memscan.architecture.settings import Settings
from memscan.cache.attention import attention
from memscan.cache.latent import is_latent, latent
from memscan.cache.parts import Attention, Compressed, Indexer, Part
from memscan.cache.patterns import FULL, INDEXED, SLIDING
from memscan.errors import FormatError

HEAVY, SPARSE = "heavily_compressed_attention", "compressed_sparse_attention"
RATES = {SPARSE: 4, HEAVY: 128}  # tokens to a vector; DeepseekV4Config.default_compress_rates
SINGLES = frozenset({"dots3_note_text"})  # whose index keys are float32
OWN = ("full", "F")  # marks of a layer with an indexer of its own; the others use the tokens that one before them found
EVERY_FOURTH = frozenset({"hy_v4"})  # the first layer, and from the second on each fourth, runs an indexer of its own


def indexed(settings: Settings, layer: int, *, is_first: bool) -> tuple[Part, ...]:
    """A layer of the type `indexed_attention`: what its attention keeps, and the keys of its indexer if it has its own.

    `is_first` says whether no layer before it is of that type.
    """
    kept: Part = latent(settings, layer, INDEXED) if is_latent(settings) else attention(settings, layer, INDEXED)
    if not _has_indexer(settings, layer):
        return (kept,)
    width = settings.integer("index_head_dim", "indexer_head_dim")
    if width is None:
        raise FormatError(f"{settings.path}: indexed attention needs index_head_dim")
    if settings.model_type == "glm5_next_text":
        width = 2 * width + 1  # with the gate of its pool, and the position in it
    heads = settings.integer("indexer_kv_heads") or 1
    positions = 3 if settings.model_type == "qwen4_exp_text" and is_first else 0
    return kept, Indexer(width=heads * width, item=4 if settings.model_type in SINGLES else None, positions=positions)


def minimax_sparse(settings: Settings, layer: int) -> tuple[Part, ...]:
    """A sparse layer of MiniMax-M3: keys and values, and one index key of each token."""
    given = settings.inside("sparse_attention_config")
    width = None if given is None else given.integer("sparse_index_dim")
    width = settings.integer("index_head_dim") if width is None else width
    if width is None:
        raise FormatError(f"{settings.path}: sparse attention needs index_head_dim")
    return attention(settings, layer, FULL), Indexer(width=width)


def compressed(settings: Settings, layer: int, layer_type: str) -> tuple[Part, ...]:
    """A layer of DeepSeek-V4: one head in a window, whose keys are its values, and vectors that stand for more tokens."""
    local = attention(settings, layer, SLIDING)
    window = Attention(heads=1, key=local.key, value=0, window=local.window)
    if layer_type == SLIDING:
        return (window,)
    rate = _rate(settings, layer_type)
    vectors = Compressed(name="compressed keys", width=local.key, rate=rate, overlaps=layer_type == SPARSE)
    if layer_type == HEAVY:
        return window, vectors
    width = settings.integer("index_head_dim")
    if width is None:
        raise FormatError(f"{settings.path}: compressed sparse attention needs index_head_dim")
    return window, vectors, Compressed(name="indexer keys", width=width, rate=rate, overlaps=True)


def _rate(settings: Settings, layer_type: str) -> int:
    older = settings.integer("compress_rate_csa" if layer_type == SPARSE else "compress_rate_hca")
    given = settings.inside("compress_rates")
    rate = older if older is not None else None if given is None else given.integer(layer_type)
    rate = RATES[layer_type] if rate is None else rate
    if rate == 0:
        raise FormatError(f"{settings.path}: a compress rate is 0, expected a number of tokens")
    return rate


def _has_indexer(settings: Settings, layer: int) -> bool:
    for name in ("indexer_types", "index_topk_pattern"):
        listed = settings.get(name)
        if isinstance(listed, str | list | tuple):
            if layer >= len(listed):
                raise FormatError(f"{settings.path}: {name} has {len(listed)} entries, none of them for layer {layer}")
            return listed[layer] in OWN
    if settings.model_type in EVERY_FOURTH:
        return layer == 0 or (layer - 1) % 4 == 0
    every = max(settings.integer("index_topk_freq") or 1, 1)
    offset = settings.integer("index_skip_topk_offset")
    return max(layer - (2 if offset is None else offset) + 1, 0) % every == 0
