"""Mixtures of experts: parameters in all, and those that one token passes through."""

from collections.abc import Sequence
from dataclasses import dataclass

from memscan.architecture.settings import Settings
from memscan.checkpoint import is_buffer
from memscan.parallel import is_expert
from memscan.tensor import TensorInfo
from memscan.units import counted

# Words for how many experts there are and how many a token passes, as `CONFIG_FIELD_ALIASES` of vLLM 0.33 collects them.
COUNT = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts", "num_routed_experts")
CHOSEN = (
    "num_experts_per_tok", "num_experts_per_token", "top_k_experts", "moe_topk", "moe_top_k", "moe_k", "num_selected_experts",
    "moe_router_topk", "num_activated_experts",
)  # fmt: skip
EMBEDDINGS = ("embed_tokens", "wte", "word_embeddings", "embed_in", "tok_embeddings", "token_embd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experts:
    """The experts of a model."""

    count: int
    """Routed experts of a layer."""
    chosen: int
    """How many of them a token passes."""
    total: int
    """Parameters of the model."""
    routed: int
    """Parameters of all routed experts."""
    active: int
    """Parameters that a token passes through, the input embedding among them."""
    active_without_embedding: int
    """Without the input embedding, of which a token reads one row; the output head is counted. Model cards differ in this."""

    @property
    def fact(self) -> str:
        """The same in one line."""
        return (
            f"{self.count} experts, {self.chosen} active: {counted(self.total)} parameters in all ({self.total:,}),"
            f" {counted(self.active)} active a token ({self.active:,}; {self.active_without_embedding:,} without the input"
            f" embedding), {100 * self.routed / self.total:.1f} % in routed experts"
        )


def experts(settings: Settings, tensors: Sequence[TensorInfo], *, tied: bool) -> Experts | None:
    """The experts of a model with these logical `tensors`; None where it has none, or the config does not say how many."""
    count, chosen = settings.integer(*COUNT), settings.integer(*CHOSEN)
    parameters = [tensor for tensor in tensors if not is_buffer(tensor)]
    routed = sum(tensor.elements for tensor in parameters if is_expert(tensor.name))
    if not count or not chosen or not routed or chosen > count:
        return None
    total = sum(tensor.elements for tensor in parameters)
    active = total - routed + routed * chosen // count
    embedding = sum(tensor.elements for tensor in parameters if is_embedding(tensor.name))
    return Experts(
        count=count, chosen=chosen, total=total, routed=routed, active=active,
        active_without_embedding=active if tied else active - embedding,
    )  # fmt: skip


def is_embedding(name: str) -> bool:
    """Whether a tensor is the input embedding, by its name."""
    return name.rpartition(".")[0].rpartition(".")[2] in EMBEDDINGS
