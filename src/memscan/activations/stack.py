"""Many layers of a kind, of which one is run for all that lie between its neighbours."""

from collections import Counter
from collections.abc import Callable, Sequence

from memscan.activations.graph import Gradients, Saved
from memscan.activations.ledger import Kind
from memscan.activations.tape import Tape
from memscan.activations.tensor import Tensor, differentiable

Layer = Callable[[Tensor], Tensor]


def through(tape: Tape, layers: Sequence[tuple[Layer, int]], hidden: Tensor) -> Tensor:
    """The output of the last layer. Each is given with how many there are of it."""
    for layer, count in layers:
        if count == 1:
            hidden = tape.checkpointed(layer, hidden)
        else:
            repetition = _Repetition(tape, count)
            hidden = repetition(layer, hidden)
            repetition.settle()
    return hidden


class _Repetition:
    """As if a layer came `count` times: what one leaves behind is there so often after it, until its backward is done.

    What is alive grows or shrinks evenly from one to the next, so that the most is in the first or the last.
    """

    __slots__ = ("before", "gradients", "ledger", "left", "more", "phase", "tape")

    def __init__(self, tape: Tape, count: int) -> None:
        self.tape, self.ledger, self.more = tape, tape.ledger, count - 1
        self.gradients = 0
        self.left = self.ledger.state()
        self.phase = self.ledger.aside()

    def __call__(self, layer: Layer, hidden: Tensor) -> Tensor:
        """The layer, once."""
        return _marked(self.tape, self.tape.checkpointed(layer, _marked(self.tape, hidden, self._leave)), self._enter)

    def settle(self) -> None:
        """Once its input is let go: count what it left behind for the others too."""
        self.left = self.ledger.since(self.left)
        self.ledger.back(self.phase, self.left, self.more)
        self.ledger.change(self.left, self.more)
        self.tape.paired(self).left = self.left
        if self.tape.checkpointing:
            # The graph holds no casts of weights: they are there until the forward pass ends.
            self.tape.passing += self.more * self.left[0].pop(Kind.CASTS, 0)

    def _enter(self) -> None:
        self.gradients = self.ledger.live[Kind.GRADIENTS]
        self.phase = self.ledger.aside()

    def _leave(self) -> None:
        kinds, terms = self.left
        gone: Counter[Kind] = Counter({kind: -nbytes for kind, nbytes in kinds.items() if kind is not Kind.CACHE})
        gone[Kind.GRADIENTS] = self.ledger.live[Kind.GRADIENTS] - self.gradients
        change = gone, Counter({sort: -count for sort, count in terms.items()})
        self.ledger.back(self.phase, change, self.more)
        self.ledger.change(change, self.more)


def _marked(tape: Tape, one: Tensor, event: Callable[[], None]) -> Tensor:
    """The same tensor; `event` happens when its gradient is there."""
    made = one.view()

    def backward(_: Saved, gradients: Gradients) -> Gradients:
        event()
        return gradients

    if differentiable(one):
        tape.record(made, [one], (), backward)
    return made
