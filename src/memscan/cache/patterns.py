"""Patterns by which layers take turns, where a config does not list them one by one.

Each is the rule of a config class of transformers 5.23.0 (`__post_init__` of models/*/configuration_*.py), or of remote code.
A field that an older config gives (`sliding_window_pattern`) overrides the period that the class has by default.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from memscan.architecture.settings import Settings
from memscan.errors import FormatError

FULL, SLIDING, CHUNKED = "full_attention", "sliding_attention", "chunked_attention"
INDEXED, LINEAR, CONV = "indexed_attention", "linear_attention", "conv"
HYBRID, HYBRID_SLIDING = "hybrid", "hybrid_sliding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """One layer of each `period` is of another type than the rest."""

    period: int
    """The class's default."""
    field: str = ""
    """The field that gives another period."""
    at: int = -1
    """Which layer of each period it is; -1: the last."""
    one: str = FULL
    rest: str = SLIDING
    ends: bool = False
    """Whether the model's last layer is of the type `one` too."""
    backwards: bool = False
    """Whether layers are counted from the last."""

    def types(self, settings: Settings, layers: int) -> tuple[str, ...]:
        """The type of each layer; FormatError where the config's period is 0."""
        given = settings.integer(self.field) if self.field else None
        period = self.period if given is None else given
        if period == 0:
            raise FormatError(f"{settings.path}: {self.field} is 0, expected a number of layers that take turns")
        found = [self.one if index % period == self.at % period else self.rest for index in range(layers)]
        if self.backwards:
            found.reverse()
        if self.ends and found:
            found[-1] = self.one
        return tuple(found)


LINEAR_EVERY_FOURTH = Every(period=4, field="full_attention_interval", rest=LINEAR)

PATTERNS: Mapping[str, Every] = {
    "afmoe": Every(period=4, field="global_attn_every_n_layers"),
    "bailing_hybrid": Every(period=6, field="layer_group_size", rest=LINEAR),
    "beam": Every(period=6, ends=True),
    "cohere2": Every(period=4, field="sliding_window_pattern"),
    "cwm": Every(period=4, at=0),
    "diffusion_gemma_text": Every(period=6, ends=True),
    "embedding_gemma2_text": Every(period=6, field="sliding_window_pattern", ends=True),
    "gemma2": Every(period=2),
    "gemma3_text": Every(period=6, field="sliding_window_pattern"),
    "gemma3n_text": Every(period=5),
    "gemma4_text": Every(period=6, ends=True),
    "gemma4_unified_text": Every(period=6, ends=True),
    "glm5_next_text": Every(period=4, one=INDEXED, rest=LINEAR),
    "gpt_oss": Every(period=2),
    "granite_swa": Every(period=4, at=0),
    "granitemoe_swa": Every(period=4, at=0),
    "inkling2_text": Every(period=6, one=HYBRID, rest=HYBRID_SLIDING),
    "kolibri1": Every(period=5),
    "minimax": Every(period=2, at=1, one=LINEAR, rest=FULL),
    "modernbert": Every(period=3, field="global_attn_every_n_layers", at=0),
    "modernbert-decoder": Every(period=3, field="global_attn_every_n_layers", at=0),
    "muse_glimmer_text": Every(period=4, at=0, backwards=True),
    "muse_spark_text": Every(period=4, at=0, backwards=True),
    "neomme": Every(period=6, ends=True),
    "olmo3": Every(period=4),
    "qwen3_5_text": LINEAR_EVERY_FOURTH,
    "qwen3_5_moe_text": LINEAR_EVERY_FOURTH,
    "qwen3_next": LINEAR_EVERY_FOURTH,
    "qwen4_exp_text": Every(period=4, field="full_attention_interval", one=INDEXED, rest=LINEAR),
    "t5_gemma_module": Every(period=2),
    "t5gemma2_decoder": Every(period=6, field="sliding_window_pattern"),
    "t5gemma2_text": Every(period=6, field="sliding_window_pattern"),
    "vaultgemma": Every(period=2),
}
"""By model type."""

UNIFORM: Mapping[str, str] = {
    "axk2": INDEXED,
    "cohere_compass_text": FULL,
    "deepseek_v32": INDEXED,
    "falcon_h1": HYBRID,
    "falcon_mamba": LINEAR,
    "glm_moe_dsa": INDEXED,
    "granitemoehybrid": LINEAR,
    "hy_v4": INDEXED,
    "laguna": FULL,
    "mamba": LINEAR,
    "mamba2": LINEAR,
    "mellum": FULL,
    "mistral_large4_text": INDEXED,
    "muse_glimmer_assistant": SLIDING,
    "rwkv": LINEAR,
    "rwkv6": LINEAR,
    "rwkv7": LINEAR,
    "rwkv6qwen2": LINEAR,
    "arwkv7": LINEAR,
    "step3p5": FULL,
    "xlstm": LINEAR,
    "zaya": HYBRID,
}
"""Model types all of whose layers are of one type, unless the config lists them."""
