"""What a forward and a backward pass hold beside the weights.

A recipe writes a family's forward pass as transformers does, with tensors that know their size alone. A ledger counts what is
alive, and a graph is walked backward as torch's engine walks it. So one recipe gives the peaks of every combination of precision,
attention, checkpointing and adapters, and they are those that torch counts.
"""

from memscan.activations.base import ATTENTIONS, Adapter, Pass
from memscan.activations.families import families
from memscan.activations.forward import forward
from memscan.activations.training import END, PRECISIONS, Step, training

__all__ = ["ATTENTIONS", "END", "PRECISIONS", "Adapter", "Pass", "Step", "families", "forward", "training"]
