"""Gemma, Gemma 2 and the text of Gemma 3: transformers 5.23.0, `models/gemma*/modeling_*.py`."""

from dataclasses import replace

from memscan.activations.norms import centered_norm
from memscan.activations.recipes.decoder import FULL_ATTENTION, SLIDING, Decoder, Style
from memscan.activations.recipes.llama import gated, style
from memscan.activations.setup import Setup
from memscan.architecture.settings import Settings


def gemma(settings: Settings, setup: Setup) -> Decoder:
    """The first."""
    return Decoder(setup, _style(settings, setup))


def gemma2(settings: Settings, setup: Setup) -> Decoder:
    """With a norm after each part too, and soft caps; every other layer slides."""
    made = replace(
        _style(settings, setup),
        after=True,
        softcap=settings.number("attn_logit_softcapping") is not None,
        capped=settings.number("final_logit_softcapping") is not None,
    )
    return Decoder(setup, _patterned(settings, made, 2))


def gemma3(settings: Settings, setup: Setup) -> Decoder:
    """With norms of queries and keys; five of six layers slide, with angles of their own."""
    made = replace(
        _style(settings, setup),
        after=True,
        head_norm="after",
        rotaries=True,
        capped=settings.number("final_logit_softcapping") is not None,
    )
    return Decoder(setup, _patterned(settings, made, settings.integer("sliding_window_pattern") or 6))


def _style(settings: Settings, setup: Setup) -> Style:
    bias = settings.flag("attention_bias")
    made = style(settings, setup, bias=(bias, bias), mlp=gated(settings, setup))
    return replace(made, norm=centered_norm, scaled=True)


def _patterned(settings: Settings, made: Style, every: int) -> Style:
    usual = tuple(SLIDING if (index + 1) % every else FULL_ATTENTION for index in range(len(made.kinds)))
    window = settings.integer("sliding_window") or 4096  # the default of the config classes
    return replace(made, window=window, masks=(None, window), kinds=settings.texts("layer_types") or usual)
