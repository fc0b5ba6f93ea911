"""The recipes, by model type."""

from collections.abc import Callable, Mapping
from typing import Protocol

from memscan.activations.recipes import bert, gemma, gpt2, gpt_neox, llama, mamba, opt, t5, vit
from memscan.activations.setup import Setup
from memscan.activations.tape import Tape
from memscan.activations.tensor import Tensor
from memscan.architecture.settings import Settings


class Model(Protocol):
    """What a recipe builds."""

    def hidden(self, tape: Tape) -> Tensor:
        """The forward pass up to what the head is given."""

    def logits(self, tape: Tape, hidden: Tensor) -> Tensor:
        """What the head makes of it."""

    def loss(self, tape: Tape, hidden: Tensor) -> Tensor:
        """The loss of it, with the logits on the way."""


Recipe = Callable[[Settings, Setup], Model]

RECIPES: Mapping[str, Recipe] = {
    "bert": bert.bert,
    "camembert": bert.roberta,
    "gemma": gemma.gemma,
    "gemma2": gemma.gemma2,
    "gemma3_text": gemma.gemma3,
    "gpt2": gpt2.Gpt2,
    "gpt_neox": gpt_neox.GptNeox,
    "granite": llama.granite,
    "llama": llama.llama,
    "mamba": mamba.Mamba,
    "mistral": llama.mistral,
    "mixtral": llama.mixtral,
    "opt": opt.Opt,
    "phi3": llama.phi3,
    "qwen2": llama.qwen2,
    "qwen2_moe": llama.qwen2_moe,
    "qwen3": llama.qwen3,
    "qwen3_moe": llama.qwen3_moe,
    "roberta": bert.roberta,
    "t5": t5.T5,
    "vit": vit.Vit,
    "xlm-roberta": bert.roberta,
}
"""Those whose peaks are compared with torch's own count of bytes."""

NEAREST: Mapping[str, tuple[str, Recipe]] = {
    "encoder": ("BERT", bert.bert),
    "experts": ("Mixtral", llama.experts),
    "gated": ("Llama", llama.llama),
    "plain": ("GPT-2", gpt2.Gpt2),
    "vision": ("ViT", vit.Vit),
}
"""For types without a recipe, by what their config has."""


def families() -> Mapping[str, Recipe]:
    """The recipes that are proven, by model type."""
    return RECIPES
