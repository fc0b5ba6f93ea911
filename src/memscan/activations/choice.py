"""The recipe for a config: the one that is proven for its type, or the nearest one, which is then said."""

from dataclasses import dataclass, replace

from memscan.activations.base import Pass
from memscan.activations.families import NEAREST, RECIPES, Recipe
from memscan.activations.recipes.classifier import Classifier
from memscan.activations.refusal import REFUSED, refuses_sdpa
from memscan.architecture.settings import Settings

WORDS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForMaskedLM", "ForPreTraining")
OWN = ("bert", "camembert", "roberta", "vit", "xlm-roberta")  # recipes that know the heads of their classes
ENCODERS = ("ForMaskedLM", "ForPreTraining", "ForTokenClassification", "ForQuestionAnswering")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A recipe for one config."""

    recipe: Recipe
    settings: Settings
    head: str
    """How the class ends behind its model's name; empty where no class is known."""
    doubt: str | None = None
    """Why its figures are assumed; None where they are compared with torch's own count."""
    refuses: bool = False
    """Whether its class has no `sdpa`."""

    def adjusted(self, one: Pass) -> Pass:
        """The pass as the class runs it."""
        return replace(one, attention="eager") if self.refuses else one

    def remark(self, one: Pass) -> str:
        """What is to be said of a pass that is run otherwise than it is asked for."""
        return REFUSED if self.refuses and one.attention != "eager" else ""


def chosen(settings: Settings, class_name: str | None) -> Chosen:
    """What to run for a class of transformers with this config."""
    head = _head(class_name or "")
    part = settings if settings.model_type in RECIPES else settings.text
    kind = part.model_type or ""
    known = RECIPES.get(kind)
    if known is None:
        name, known = _nearest(part, head)
        doubt: str | None = f"as {name} does it: {kind or 'this type'} has no recipe of its own"
    else:
        doubt = None if part is settings else f"of the text model {kind} alone, without what encodes images or sound"
    if head and head not in WORDS and kind not in OWN:
        known = _labelled(known)
    return Chosen(recipe=known, settings=part, head=head, doubt=doubt, refuses=refuses_sdpa(kind))


def _head(name: str) -> str:
    for end in ("LMHeadModel", "Model"):
        if name.endswith(end):
            return end
    found = name.rfind("For")
    return name[found:] if found > 0 else ""


def _labelled(recipe: Recipe) -> Recipe:
    return lambda settings, setup: Classifier(recipe(settings, setup), settings, setup)


def _is_rotary(settings: Settings) -> bool:
    return settings.number("rms_norm_eps") is not None or settings.get("rope_theta", "rope_parameters") is not None


def _nearest(settings: Settings, head: str) -> tuple[str, Recipe]:
    """By what the config has: decoders with rotary positions are gated, those with learned ones plain, the rest encoders."""
    if settings.integer("image_size") and settings.integer("patch_size"):
        kind = "vision"
    elif head in ENCODERS:
        kind = "encoder"
    elif settings.integer("num_local_experts", "num_experts", "n_routed_experts") and settings.integer("num_experts_per_tok"):
        kind = "experts"
    elif settings.integer("intermediate_size") and _is_rotary(settings):
        kind = "gated"
    else:
        kind = "plain"
    return NEAREST[kind]
