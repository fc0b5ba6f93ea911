"""The recipe for a config: the one that is proven for its type, or the nearest one, which is then said."""

from dataclasses import dataclass

from memscan.activations.families import NEAREST, RECIPES, Recipe
from memscan.architecture import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A recipe for one config."""

    recipe: Recipe
    settings: Settings
    doubt: str | None = None
    """Why its figures are assumed; None where they are compared with torch's own count."""


def chosen(settings: Settings, class_name: str | None) -> Chosen:
    """What to run for a class of transformers with this config."""
    part = settings if settings.model_type in RECIPES else settings.text
    known = RECIPES.get(part.model_type or "")
    if known is not None:
        doubt = None if part is settings else f"of the text model {part.model_type} alone, without what encodes images or sound"
        return Chosen(recipe=known, settings=part, doubt=doubt)
    name, nearest = _nearest(part, class_name)
    return Chosen(
        recipe=nearest, settings=part, doubt=f"as {name} does it: {part.model_type or 'this type'} has no recipe of its own"
    )


def _nearest(settings: Settings, class_name: str | None) -> tuple[str, Recipe]:
    """By what the config has: rotary decoders are gated, decoders with learned positions plain, the rest encoders."""
    name = class_name or ""
    if settings.integer("image_size") and settings.integer("patch_size"):
        kind = "vision"
    elif any(word in name for word in ("MaskedLM", "TokenClassification", "QuestionAnswering", "PreTraining")):
        kind = "encoder"
    elif settings.integer("num_local_experts", "num_experts", "n_routed_experts") and settings.integer("num_experts_per_tok"):
        kind = "experts"
    elif settings.number("rms_norm_eps") is not None or settings.get("rope_theta", "rope_parameters") is not None:
        kind = "gated"
    else:
        kind = "plain"
    return NEAREST[kind]
