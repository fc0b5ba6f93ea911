"""The config of the decoder inside a whole config."""

from memscan.architecture import Settings

DECODER = "decoder_config"  # Canary, Dia


def decoder(whole: Settings) -> Settings:
    """The settings of the model that keeps something between tokens; the whole config's where it is of one model."""
    text = whole.text
    inner = whole.inside(DECODER) if text is whole else None
    return text if inner is None else inner
