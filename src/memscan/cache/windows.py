"""The window of sliding layers, as the config's class leaves it after its own rules (transformers 5.23.0)."""

from memscan.architecture import family
from memscan.architecture.settings import Settings

BOTH_WAYS = frozenset({"gemma3_text", "gemma4_text", "gemma4_unified_text", "diffusion_gemma_text"})
SWITCHED = frozenset(
    {
        "deepseek_ocr2_encoder",
        "qwen2",
        "qwen2_5_omni_talker",
        "qwen2_5_omni_text",
        "qwen2_5_vl_text",
        "qwen2_moe",
        "qwen2_vl_text",
        "qwen3",
        "qwen3_moe",
    }
)
"""Model types whose class has no window unless `use_sliding_window` is true."""


def window_of(settings: Settings) -> int | None:
    """Tokens that a token of a sliding layer sees, itself included; None where the model has no window.

    `use_sliding_window` turns it off where the class or remote code says so; Gemma's `use_bidirectional_attention` halves it;
    ModernBERT's decoder looks back half of `local_attention`.
    """
    kind = settings.model_type
    if kind == "modernbert-decoder":
        return (settings.integer("local_attention") or 0) // 2 or None
    if kind == "mimo_v2_flash" and settings.gives("sliding_window_size"):
        return (settings.integer("sliding_window_size") or 0) + 1
    if _is_off(settings):
        return None
    window = settings.integer("sliding_window", "sliding_window_size", "attention_window_size")
    if window is None and kind == "dots3_note_text":
        return 512
    if window is not None and kind in BOTH_WAYS and settings.get("use_bidirectional_attention") in ("all", True):
        return window // 2 + 1
    return window or None


def _is_off(settings: Settings) -> bool:
    kind = settings.model_type
    switch = settings.get("use_sliding_window")
    is_asked = kind in SWITCHED or kind is None or family(kind) is None
    return is_asked and switch is not None and not switch
