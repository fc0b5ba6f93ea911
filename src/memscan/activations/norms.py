"""Normalizations.

transformers 5.23.0: `models/llama/modeling_llama.py` (`LlamaRMSNorm`), `models/gemma3/modeling_gemma3.py` (`Gemma3RMSNorm`),
`models/t5/modeling_t5.py` (`T5LayerNorm`); torch 2.13.0: `native_layer_norm`.
"""

from memscan.activations.graph import Gradients, Saved
from memscan.activations.ledger import Size
from memscan.activations.pointwise import cast, keeping_output, mean, mul, power, shift
from memscan.activations.tape import FULL, Tape
from memscan.activations.tensor import Tensor, Weight


def rms_norm(tape: Tape, given: Tensor, weight: Weight) -> Tensor:
    """Llama's: in float32, cast back before the weight."""
    hidden = cast(tape, given, FULL)
    variance = mean(tape, power(tape, hidden))
    hidden = mul(tape, hidden, keeping_output(tape, shift(tape, variance)))
    return mul(tape, weight, cast(tape, hidden, given.itemsize))


def centered_norm(tape: Tape, given: Tensor, weight: Weight) -> Tensor:
    """Gemma's: in float32 with `1 + weight`, cast back after it."""
    output = _normed(tape, cast(tape, given, FULL))
    output = mul(tape, output, _one_plus(tape, weight))
    return cast(tape, output, given.itemsize)


def _normed(tape: Tape, hidden: Tensor) -> Tensor:
    return mul(tape, hidden, keeping_output(tape, shift(tape, mean(tape, power(tape, hidden)))))


def _one_plus(tape: Tape, weight: Weight) -> Tensor:
    made = tape.new(weight.shape, FULL)
    tape.record(made, [weight], (), lambda _, gradients: gradients)
    return made


def scaled_norm(tape: Tape, given: Tensor, weight: Weight) -> Tensor:
    """T5's: the sum of squares in float32, the rest in the dtype that comes of it."""
    variance = mean(tape, power(tape, cast(tape, given, FULL)))
    hidden = mul(tape, given, keeping_output(tape, shift(tape, variance)))
    hidden = cast(tape, hidden, min(hidden.itemsize, weight.itemsize))
    return mul(tape, weight, hidden)


def layer_norm(tape: Tape, given: Tensor, weight: Weight, bias: Weight | None) -> Tensor:
    """`nn.LayerNorm`: one kernel, which keeps its input, and mean and deviation of each row."""
    made = tape.new(given.shape, given.itemsize)
    row = (*given.shape[:-1], Size("1", 1))
    middle, deviation = (
        tape.new(row, given.itemsize if tape.counted else FULL),
        tape.new(row, given.itemsize if tape.counted else FULL),
    )
    shape, itemsize, width = given.shape, given.itemsize, weight.shape

    def backward(_: Saved, __: Gradients) -> Gradients:
        return [tape.new(shape, itemsize), tape.new(width, itemsize), None if bias is None else tape.new(width, itemsize)]

    tape.record(made, [given, weight, bias], (given, middle, deviation), backward)
    return made
