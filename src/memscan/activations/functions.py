"""Activation functions by their name in a config: transformers 5.23.0, `activations.py` (`ACT2CLS`)."""

from collections.abc import Callable, Mapping

from memscan.activations.pointwise import add, keeping_input, keeping_output, mul, power, scale, shift
from memscan.activations.tape import Tape
from memscan.activations.tensor import Tensor

Function = Callable[[Tape, Tensor], Tensor]


def gelu_new(tape: Tape, one: Tensor) -> Tensor:
    """`NewGELUActivation`: written out, with every step a tensor."""
    half = scale(tape, one)
    return mul(tape, half, shift(tape, keeping_output(tape, scale(tape, add(tape, one, scale(tape, power(tape, one)))))))


def gelu_fast(tape: Tape, one: Tensor) -> Tensor:
    """`FastGELUActivation`: likewise."""
    half = scale(tape, one)
    inner = mul(tape, scale(tape, one), shift(tape, mul(tape, scale(tape, one), one)))
    return mul(tape, half, shift(tape, keeping_output(tape, inner)))


def quick_gelu(tape: Tape, one: Tensor) -> Tensor:
    """`QuickGELUActivation`: `x * sigmoid(1.702 * x)`."""
    return mul(tape, one, keeping_output(tape, scale(tape, one)))


def relu2(tape: Tape, one: Tensor) -> Tensor:
    """`ReLUSquaredActivation`."""
    return power(tape, keeping_output(tape, one))


FUNCTIONS: Mapping[str, Function] = {
    "gelu": keeping_input,
    "gelu_fast": gelu_fast,
    "gelu_new": gelu_new,
    "gelu_pytorch_tanh": keeping_input,
    "quick_gelu": quick_gelu,
    "relu": keeping_output,
    "relu2": relu2,
    "sigmoid": keeping_output,
    "silu": keeping_input,
    "swish": keeping_input,
    "tanh": keeping_output,
}
