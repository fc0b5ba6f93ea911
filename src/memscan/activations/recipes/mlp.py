"""The MLPs of decoders: gated, gated with one layer for gate and up, plain."""

from memscan.activations.ledger import Size
from memscan.activations.pointwise import mul, split
from memscan.activations.setup import Setup
from memscan.activations.tape import Tape
from memscan.activations.tensor import Tensor


class Gated:
    """`down_proj(act_fn(gate_proj(x)) * up_proj(x))`: `LlamaMLP` of transformers 5.23.0."""

    def __init__(self, setup: Setup, hidden: Size, inner: Size, function: str | None, *, bias: bool = False) -> None:
        self.function = setup.function(function)
        self.gate, self.up = (setup.linear(name, inner, hidden, bias=bias) for name in ("gate_proj", "up_proj"))
        self.down = setup.linear("down_proj", hidden, inner, bias=bias)

    def __call__(self, tape: Tape, given: Tensor) -> Tensor:
        """Its output."""
        return self.down(tape, mul(tape, self.function(tape, self.gate(tape, given)), self.up(tape, given)))


class Fused:
    """One layer for gate and up: `Phi3MLP`."""

    def __init__(self, setup: Setup, hidden: Size, inner: Size, function: str | None) -> None:
        self.function, self.inner = setup.function(function), inner
        self.both = setup.linear("gate_up_proj", Size(f"2 x {inner.name}", 2 * inner), hidden)
        self.down = setup.linear("down_proj", hidden, inner)

    def __call__(self, tape: Tape, given: Tensor) -> Tensor:
        """Its output."""
        gate, up = split(tape, self.both(tape, given), [self.inner, self.inner])
        up = mul(tape, up, self.function(tape, gate))
        return self.down(tape, up)
