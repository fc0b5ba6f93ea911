"""Mamba without its kernels: what transformers falls back to where neither `mamba-ssm` nor `kernels` is there.

transformers 5.23.0, `models/mamba/modeling_mamba.py` (`MambaMixer`, `mamba_selective_scan`): the states of all positions are
tensors of their own, and the scan is a loop over them. The kernels keep little of it.
"""

from memscan.activations.graph import Gradients, Saved
from memscan.activations.ledger import Shape, Size
from memscan.activations.losses import causal_loss
from memscan.activations.matrices import embedding, linear, lowered
from memscan.activations.norms import rms_norm
from memscan.activations.pointwise import add, cast, copied, keeping_input, keeping_output, mul, part, scale, split
from memscan.activations.setup import ONE, Setup, needed, number_of_layers, runs
from memscan.activations.stack import Layer, through
from memscan.activations.tape import FULL, Tape
from memscan.activations.tensor import Tensor, Weight, differentiable
from memscan.architecture.settings import Settings


class Sizes:
    """Of its config."""

    def __init__(self, settings: Settings, setup: Setup) -> None:
        self.hidden = Size("hidden_size", needed(settings, "hidden_size"))
        expand = settings.integer("expand") or 2
        self.inner = setup.share("intermediate_size", settings.integer("intermediate_size") or expand * self.hidden)
        self.state = Size("state_size", needed(settings, "state_size"))
        self.kernel = Size("conv_kernel", settings.integer("conv_kernel") or 4)
        given = settings.get("time_step_rank")
        self.rank = Size("time_step_rank", given if type(given) is int else -(-self.hidden // 16))
        self.vocab = Size("vocab_size", needed(settings, "vocab_size"))
        self.layers = number_of_layers(settings)
        self.bias = settings.flag("use_bias")
        self.convolved = settings.get("use_conv_bias") is not False
        self.wide = settings.get("residual_in_fp32") is not False
        self.function = settings.text_of("hidden_act") or "silu"


class Mixer:
    """Of one layer."""

    def __init__(self, setup: Setup, sizes: Sizes) -> None:
        self.setup, self.sizes, self.function = setup, sizes, setup.function(sizes.function)
        inner, state, rank = sizes.inner, sizes.state, sizes.rank
        self.inside = setup.linear("in_proj", Size("2 x intermediate_size", 2 * inner), sizes.hidden, bias=sizes.bias)
        self.kernel, self.offset = setup.weight(inner, ONE, sizes.kernel), setup.weight(inner)
        self.parts = (rank, state, state)
        self.selective = setup.linear("x_proj", Size("time_step_rank + 2 x state_size", rank + 2 * state), inner)
        self.step, self.bias = setup.weight(inner, rank), setup.weight(inner)
        self.decay, self.direct = setup.weight(inner, state), setup.weight(inner)
        self.outside = setup.linear("out_proj", sizes.hidden, inner, bias=sizes.bias)

    def __call__(self, tape: Tape, given: Tensor) -> Tensor:
        """Its output."""
        sizes, itemsize = self.sizes, given.itemsize
        projected = self.inside(tape, given)
        states, gate = split(tape, projected, [sizes.inner, sizes.inner])
        states = self._convolved(tape, states)
        joined = self.selective(tape, self._turned(tape, states))
        time, before, after = split(tape, joined, self.parts)
        time = self._stepped(tape, time)
        scanned = self._scanned(tape, states, time, before, after, gate)
        return self.outside(tape, self._turned(tape, cast(tape, scanned, itemsize)))

    def _turned(self, tape: Tape, one: Tensor) -> Tensor:
        """Channels lie before tokens: of several sequences a matrix product needs a copy."""
        return copied(tape, one) if self.setup.sequences > 1 else one

    def _convolved(self, tape: Tape, states: Tensor) -> Tensor:
        setup, sizes = self.setup, self.sizes
        longer = Size("tokens + conv_kernel - 1", setup.tokens + sizes.kernel - 1)
        wide = cast(tape, states, self.kernel.itemsize)
        made = convolution(tape, lowered(tape, wide), (setup.sequences, longer, sizes.inner), self.kernel, self.offset)
        return self.function(tape, part(tape, made, (setup.sequences, setup.tokens, sizes.inner)))

    def _stepped(self, tape: Tape, time: Tensor) -> Tensor:
        return linear(tape, time, self.step)

    def _scanned(self, tape: Tape, states: Tensor, time: Tensor, before: Tensor, after: Tensor, gate: Tensor) -> Tensor:  # noqa: PLR0917
        setup, sizes = self.setup, self.sizes
        whole = (setup.sequences, setup.tokens, sizes.inner, sizes.state)
        time = add(tape, time, parameter(tape, self.bias, time.itemsize))
        time = keeping_input(tape, time)
        decay = self._decay(tape)
        discrete = keeping_output(tape, outer(tape, decay, time, whole))
        weighted = outer(tape, time, cast(tape, before, FULL), whole)
        entering = outer(tape, weighted, cast(tape, states, FULL), whole)
        made, _held = self._looped(tape, discrete, entering, after, states.itemsize)
        made = add(tape, made, mul(tape, states, parameter(tape, self.direct, FULL)))
        return mul(tape, made, keeping_input(tape, gate))

    def _decay(self, tape: Tape) -> Tensor:
        return scale(tape, keeping_output(tape, parameter(tape, self.decay, FULL)))

    def _looped(self, tape: Tape, discrete: Tensor, entering: Tensor, after: Tensor, itemsize: int) -> tuple[Tensor, Tensor]:
        """The outputs of all positions, and the list of them, from which they are made and which lives as long as the scan."""
        setup, sizes = self.setup, self.sizes
        shape = (setup.sequences, sizes.inner, sizes.state)
        held = tape.new((setup.sequences, setup.tokens, sizes.inner), itemsize)
        outputs: list[Tensor] = []

        def step(state: Tensor) -> Tensor:
            made = add(tape, mul(tape, part(tape, discrete, shape), state), part(tape, entering, shape))
            read = self._read(tape, made, after, itemsize)
            one = held.view(read.shape)
            one.node, one.slot = read.node, read.slot
            outputs.append(one)
            return made

        checkpointing, tape.checkpointing = tape.checkpointing, False
        through(tape, [(step, count) for _, count in runs(("",) * setup.tokens)], tape.new(shape, itemsize))
        tape.checkpointing = checkpointing
        made, shapes = tape.new(held.shape, itemsize), [one.shape for one in outputs]
        tape.record(
            made, outputs, (), lambda _, gradients: [None if gradients[0] is None else gradients[0].view(one) for one in shapes]
        )
        return made, held

    def _read(self, tape: Tape, state: Tensor, after: Tensor, itemsize: int) -> Tensor:
        sizes, sequences = self.sizes, self.setup.sequences
        row = part(tape, after, (sequences, ONE, sizes.state))
        return matmul(tape, lowered(tape, cast(tape, state, itemsize)), row, (sequences, sizes.inner, ONE))


def parameter(tape: Tape, weight: Weight, itemsize: int) -> Tensor:
    """A parameter in another dtype, as a tensor."""
    made = tape.new(weight.shape, itemsize)
    tape.record(made, [weight], (), lambda _, gradients: gradients)
    return made


def outer(tape: Tape, one: Tensor, other: Tensor, shape: Shape) -> Tensor:
    """The product of two tensors that are both broadcast, to `shape`."""
    itemsize = max(one.itemsize, other.itemsize)
    first, second = differentiable(one), differentiable(other)

    def backward(_: Saved, __: Gradients) -> Gradients:
        return [tape.new(shape, itemsize) if wanted else None for wanted in (first, second)]

    kept = one if second else None, other if first else None
    return tape.operation(lambda: tape.new(shape, itemsize), [one, other], kept, backward)


def matmul(tape: Tape, one: Tensor, other: Tensor, shape: Shape) -> Tensor:
    """A batch of products, both kept."""
    itemsize = one.itemsize
    first, second = one.shape, other.shape

    def backward(_: Saved, __: Gradients) -> Gradients:
        return [tape.new(first, itemsize), tape.new(second, itemsize)]

    return tape.operation(lambda: tape.new(shape, itemsize), [one, other], (one, other), backward)


def convolution(tape: Tape, one: Tensor, shape: Shape, weight: Weight, bias: Weight) -> Tensor:
    """Along the tokens, each channel with its own kernel."""
    used, offset = tape.cast_weight(weight), tape.cast_weight(bias)
    itemsize, before = one.itemsize, one.shape

    def backward(_: Saved, __: Gradients) -> Gradients:
        return [tape.new(before, itemsize), tape.new(weight.shape, itemsize), tape.new(bias.shape, itemsize)]

    return tape.operation(lambda: tape.new(shape, itemsize), [one, used, offset], (one, used), backward)


class Block:
    """One layer."""

    def __init__(self, setup: Setup, sizes: Sizes) -> None:
        self.sizes, self.norm, self.mixer = sizes, setup.weight(sizes.hidden), Mixer(setup, sizes)

    def __call__(self, tape: Tape, hidden: Tensor) -> Tensor:
        """The hidden states after it."""
        residual = hidden
        made = rms_norm(tape, cast(tape, hidden, self.norm.itemsize), self.norm)
        if self.sizes.wide:
            residual = cast(tape, residual, FULL)
        made = self.mixer(tape, made)
        return add(tape, residual, made)


class Mamba:
    """The model."""

    def __init__(self, settings: Settings, setup: Setup) -> None:
        self.setup, self.sizes = setup, Sizes(settings, setup)
        sizes = self.sizes
        self.table = setup.weight(sizes.vocab, sizes.hidden)
        self.layers = [(Block(setup, sizes), count) for _, count in runs(("",) * sizes.layers)]
        self.norm = setup.weight(sizes.hidden)
        self.head = self.table if settings.flag("tie_word_embeddings") else setup.weight(sizes.vocab, sizes.hidden)

    def hidden(self, tape: Tape) -> Tensor:
        """What the head is given."""
        setup, sizes = self.setup, self.sizes
        embeddings = embedding(tape, (setup.sequences, setup.tokens, sizes.hidden), self.table)

        def step(block: Block) -> Layer:
            return lambda one: block(tape, one)

        hidden = through(tape, [(step(block), count) for block, count in self.layers], embeddings)
        return rms_norm(tape, hidden, self.norm)

    def logits(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the hidden states, in float32."""
        return cast(tape, linear(tape, cast(tape, hidden, self.table.itemsize), self.head), FULL)

    def loss(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the next tokens."""
        logits = self.logits(tape, hidden)
        return causal_loss(tape, logits)
