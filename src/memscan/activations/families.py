"""The recipes, by model type."""

from collections.abc import Callable, Mapping
from typing import Protocol

from memscan.activations.recipes import gemma, llama
from memscan.activations.setup import Setup
from memscan.activations.tape import Tape
from memscan.activations.tensor import Tensor
from memscan.architecture import Settings


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
    "gemma": gemma.gemma,
    "gemma2": gemma.gemma2,
    "gemma3_text": gemma.gemma3,
    "granite": llama.granite,
    "llama": llama.llama,
    "mistral": llama.mistral,
    "mixtral": llama.mixtral,
    "phi3": llama.phi3,
    "qwen2": llama.qwen2,
    "qwen2_moe": llama.qwen2_moe,
    "qwen3": llama.qwen3,
    "qwen3_moe": llama.qwen3_moe,
}
"""Those whose peaks are compared with torch's own count of bytes."""

NEAREST: Mapping[str, tuple[str, Recipe]] = {
    "encoder": ("Llama", llama.llama),
    "experts": ("Mixtral", llama.mixtral),
    "gated": ("Llama", llama.llama),
    "plain": ("Llama", llama.llama),
    "vision": ("Llama", llama.llama),
}
"""For types without a recipe, by what their config has."""


def families() -> Mapping[str, Recipe]:
    """The recipes that are proven, by model type."""
    return RECIPES
