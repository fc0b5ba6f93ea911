"""Logits and their loss.

transformers 5.23.0, `loss/loss_utils.py` (`ForCausalLMLoss`: logits in float32); torch 2.13.0, `cross_entropy` as `log_softmax`
and `nll_loss`. Most bytes are alive in its backward: log-probabilities, their gradient and that of the logits, 12 bytes for each.
"""

from memscan.activations.graph import Gradients, Saved
from memscan.activations.ledger import Size
from memscan.activations.pointwise import cast, keeping_output
from memscan.activations.tape import FULL, INDEX, Tape
from memscan.activations.tensor import Tensor


def causal_loss(tape: Tape, logits: Tensor) -> Tensor:
    """`ForCausalLMLoss`."""
    wide = cast(tape, logits, FULL)
    sequences, tokens, _ = logits.shape
    padded = tape.new((sequences, Size("tokens + 1", tokens + 1)), INDEX)
    # Of one sequence the labels are a view of the padded ones.
    labels = tape.new((sequences, tokens), INDEX) if sequences > 1 else padded
    return cross_entropy(tape, wide, labels)


def cross_entropy(tape: Tape, logits: Tensor, labels: Tensor | None = None) -> Tensor:
    """`nn.functional.cross_entropy`, which autocast does in float32."""
    if tape.autocast is not None:
        logits = cast(tape, logits, FULL)
    chances = keeping_output(tape, logits)
    made = tape.new((), chances.itemsize)
    shape, itemsize = chances.shape, chances.itemsize

    def backward(_: Saved, __: Gradients) -> Gradients:
        return [tape.new(shape, itemsize)]

    tape.record(made, [chances], (chances, labels), backward)
    return made
