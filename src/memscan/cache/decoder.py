"""The config of the decoder inside a whole config."""

from memscan.architecture.settings import Settings

DECODER = "decoder_config"  # Canary, Dia
READ_AS = {("kimi_k25", "kimi_k2"): "deepseek_v3"}
"""Model types that the class of the whole config reads as another."""


def decoder(whole: Settings) -> Settings:
    """The settings of the model that keeps something between tokens; the whole config's where it is of one model."""
    text = whole.text
    if text is whole:
        return whole.inside(DECODER) or whole
    other = READ_AS.get((whole.model_type or "", text.model_type or ""))
    return text if other is None else Settings(other, text.values, text.path)
