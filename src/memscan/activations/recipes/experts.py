"""Experts: the router, and the products of all tokens with their experts at once.

transformers 5.23.0: `integrations/moe.py` (`grouped_mm_experts_forward`, the default), `models/qwen2_moe/modeling_qwen2_moe.py`,
`models/mixtral/modeling_mixtral.py`. What is alive does not depend on which experts are chosen.
"""

from memscan.activations.graph import Gradients, Saved
from memscan.activations.ledger import Shape, Size
from memscan.activations.pointwise import add, cast, keeping_output, mul, scale, split
from memscan.activations.recipes.mlp import Gated
from memscan.activations.setup import ONE, Setup
from memscan.activations.tape import FULL, INDEX, Tape
from memscan.activations.tensor import Tensor, Weight, differentiable


class Router:
    """Logits, their softmax in float32, and the best of it."""

    def __init__(self, setup: Setup, hidden: Size, experts: Size, chosen: Size, *, normed: bool, lowered: bool) -> None:
        self.weight = setup.linear("gate", experts, hidden)
        self.chosen, self.normed, self.lowered = chosen, normed, lowered

    def __call__(self, tape: Tape, given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, the weights of the chosen, and which they are."""
        logits = self.weight(tape, given)
        chances = keeping_output(tape, cast(tape, logits, FULL))
        best, which = _topk(tape, chances, self.chosen)
        if self.normed:
            best = scale(tape, best)
        if self.lowered:
            best = cast(tape, best, logits.itemsize)
        return logits, best, which


def _topk(tape: Tape, one: Tensor, count: Size) -> tuple[Tensor, Tensor]:
    shape, itemsize = one.shape, one.itemsize
    best, which = tape.new((*shape[:-1], count), itemsize), tape.new((*shape[:-1], count), INDEX)
    tape.record(best, [one], (which,), lambda _, __: [tape.new(shape, itemsize)])
    return best, which


class Experts:
    """All of one layer, their weights in two tensors."""

    def __init__(self, setup: Setup, *, hidden: Size, inner: Size, experts: Size, chosen: Size, function: str | None) -> None:
        self.hidden, self.inner, self.chosen, self.function = hidden, inner, chosen, setup.function(function)
        self.both = Size(f"2 x {inner.name}", 2 * inner)
        self.up, self.down = setup.weight(experts, self.both, hidden), setup.weight(experts, hidden, inner)

    def __call__(self, tape: Tape, given: Tensor, weights: Tensor) -> Tensor:
        """The sum of the chosen, by their weights."""
        sequences, tokens, hidden = given.shape
        pairs: Shape = (sequences, tokens, self.chosen)
        _sorted, order = tape.new(pairs, INDEX), tape.new(pairs, INDEX)
        selected = indexed(tape, given, (*pairs, hidden), tape.new(pairs, INDEX))
        sample = indexed(tape, weights, (*pairs, ONE), order)
        _counted = tape.new(pairs, FULL)
        projected = grouped(tape, selected, self.up, (*pairs, self.both))
        projected = self._gated(tape, projected)
        projected = grouped(tape, projected, self.down, (*pairs, hidden))
        weighted = mul(tape, projected, sample)
        back = tape.new(pairs, INDEX)
        weighted = indexed(tape, weighted, weighted.shape, back)
        return cast(tape, _summed(tape, weighted, (sequences, tokens, hidden)), given.itemsize)

    def _gated(self, tape: Tape, both: Tensor) -> Tensor:
        gate, up = split(tape, both, [self.inner, self.inner])
        return mul(tape, self.function(tape, gate), up)


def indexed(tape: Tape, one: Tensor, shape: Shape, index: Tensor) -> Tensor:
    """`one[index]`; backward puts the gradient into zeros."""
    before, itemsize = one.shape, one.itemsize
    return tape.operation(lambda: tape.new(shape, itemsize), [one], (index,), lambda _, __: [tape.new(before, itemsize)])


def grouped(tape: Tape, one: Tensor, weight: Weight, shape: Shape) -> Tensor:
    """`torch._grouped_mm`: rows with the matrix of their expert, in the dtype of the weights, whatever autocast says."""
    given = cast(tape, one, weight.itemsize)
    first, second = differentiable(given), weight.trained
    before, itemsize, size = given.shape, weight.itemsize, weight.shape

    def backward(_: Saved, __: Gradients) -> Gradients:
        return [tape.new(before, itemsize) if first else None, tape.new(size, itemsize) if second else None]

    kept = given if second else None, weight if first else None
    return tape.operation(lambda: tape.new(shape, itemsize), [given, weight], kept, backward)


def _summed(tape: Tape, one: Tensor, shape: Shape) -> Tensor:
    made = tape.new(shape, one.itemsize)
    before, itemsize = one.shape, one.itemsize
    tape.record(made, [one], (), lambda _, __: [tape.new(before, itemsize)])
    return made


class Sparse:
    """Router and experts, with a shared expert where there is one."""

    def __init__(self, setup: Setup, router: Router, experts: Experts, shared: Gated | None = None) -> None:
        self.router, self.experts, self.shared = router, experts, shared
        self.gate = setup.linear("shared_expert_gate", ONE, experts.hidden) if shared is not None else None

    def __call__(self, tape: Tape, given: Tensor) -> Tensor:
        """Its output."""
        beside = None if self.shared is None else self.shared(tape, given)
        _logits, weights, _which = self.router(tape, given)
        made = self.experts(tape, given, weights)
        if beside is None or self.gate is None:
            return made
        beside = mul(tape, keeping_output(tape, self.gate(tape, given)), beside)
        return add(tape, made, beside)
