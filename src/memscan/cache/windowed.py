"""Which layers see all tokens and which do not, where the config does not list them and they do not take turns evenly.

The rules of config classes of transformers 5.23.0 (models/*/configuration_*.py).
"""

from collections.abc import Callable, Mapping

from memscan.architecture.settings import Settings
from memscan.cache.listed import listed
from memscan.cache.patterns import CHUNKED, FULL, INDEXED, SLIDING, Every
from memscan.cache.windows import window_of
from memscan.errors import FormatError

Rule = Callable[[Settings, int], tuple[str, ...]]
COMPRESSED: Mapping[int, str] = {0: SLIDING, 4: "compressed_sparse_attention", 128: "heavily_compressed_attention"}


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
    return tuple(indexed_or_not(settings, found))


def indexed_or_not(settings: Settings, found: list[str]) -> list[str]:
    """Dots 3: layers of full attention have an indexer unless `use_dsa` is false."""
    uses = settings.values.get("use_dsa", True)
    old, new = (FULL, INDEXED) if uses else (INDEXED, FULL)
    return [new if one == old else one for one in found]


def _flint(settings: Settings, layers: int) -> tuple[str, ...]:  # noqa: ARG001 -- what every rule is asked
    return tuple(FULL if index < 2 or index % 4 == 1 or index == layers - 1 else SLIDING for index in range(layers))


def _mimo(settings: Settings, layers: int) -> tuple[str, ...]:  # noqa: ARG001 -- what every rule is asked
    return tuple(FULL if index == 0 or (index + 1) % 6 == 0 else SLIDING for index in range(layers))


def _rotary_or_not(settings: Settings, layers: int) -> tuple[int, ...]:
    """Whether each layer has rotary embeddings: 1 or 0."""
    listed = settings.integers("no_rope_layers")
    if not listed:
        interval = settings.integer("no_rope_layer_interval") or 4
        return tuple(int((index + 1) % interval != 0) for index in range(layers))
    if len(listed) < layers:
        raise FormatError(f"{settings.path}: no_rope_layers has {len(listed)} entries, expected one for each of {layers} layers")
    return listed[:layers]


def llama4(settings: Settings, layers: int) -> tuple[str, ...]:
    """Llama 4: layers with rotary embeddings see their chunk, those without see all."""
    return tuple(CHUNKED if rotary else FULL for rotary in _rotary_or_not(settings, layers))


def _smollm3(settings: Settings, layers: int) -> tuple[str, ...]:
    slides = settings.flag("use_sliding_window") and window_of(settings) is not None
    return tuple(SLIDING if slides and not rotary else FULL for rotary in _rotary_or_not(settings, layers))


def _ministral(settings: Settings, layers: int) -> tuple[str, ...]:
    return (FULL if window_of(settings) is None else SLIDING,) * layers


def _minimax_m3(settings: Settings, layers: int) -> tuple[str, ...]:
    given = settings.inside("sparse_attention_config")
    sparse = None if given is None else given.integers("sparse_attention_freq")
    if sparse is None:
        return (FULL,) * layers
    return listed(settings, "sparse_attention_freq", tuple("minimax_m3_sparse" if one else FULL for one in sparse), layers)


def _deepseek_v4(settings: Settings, layers: int) -> tuple[str, ...]:
    ratios = settings.integers("compress_ratios")
    if ratios is not None:
        return listed(settings, "compress_ratios", tuple(COMPRESSED.get(one, f"compressed {one}") for one in ratios), layers)
    heavy, sparse = COMPRESSED[128], COMPRESSED[4]
    return tuple(heavy if index < 2 or index % 2 == 0 else sparse for index in range(layers))


def _unlimited_ocr(settings: Settings, layers: int) -> tuple[str, ...]:
    return (FULL if window_of(settings) is None else "reference_sliding_attention",) * layers


WINDOWED: Mapping[str, Rule] = {
    "cohere2_moe": _cohere2_moe,
    "deepseek_ocr2_encoder": _windowed,
    "deepseek_v4": _deepseek_v4,
    "dots1": _windowed,
    "dots3_note_text": _dots3_note,
    "exaone4": _exaone,
    "exaone_moe": _exaone,
    "flint": _flint,
    "llama4_text": llama4,
    "mimo_v2_flash": _mimo,
    "minimax_m3_vl_text": _minimax_m3,
    "ministral": _ministral,
    "qwen2": _windowed,
    "qwen2_5_omni_talker": _windowed,
    "qwen2_5_omni_text": _windowed,
    "qwen2_5_vl_text": _windowed,
    "qwen2_moe": _windowed_alternately,
    "qwen2_vl_text": _windowed,
    "qwen3": _windowed,
    "qwen3_omni_moe_talker_code_predictor": _windowed,
    "smollm3": _smollm3,
    "unlimited_ocr_text": _unlimited_ocr,
}
"""By model type."""
