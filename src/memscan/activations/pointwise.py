"""Operations element by element, each with what torch's autograd saves for it.

https://github.com/pytorch/pytorch/blob/v2.13.0/tools/autograd/derivatives.yaml
"""

from collections.abc import Sequence
from math import prod

from memscan.activations.graph import Gradients, Saved
from memscan.activations.ledger import Shape, Size
from memscan.activations.tape import MASK, Tape
from memscan.activations.tensor import Operand, Tensor, differentiable


def cast(tape: Tape, one: Tensor, itemsize: int) -> Tensor:
    """`one.to(dtype)`: itself where it is of that dtype."""
    if one.itemsize == itemsize:
        return one
    made = tape.new(one.shape, itemsize, strided=one.strided)
    # The gradient is cast back by the engine.
    tape.record(made, [one], (), lambda _, gradients: gradients)
    return made


def add(tape: Tape, one: Operand, other: Operand) -> Tensor:
    """`one + other`, which keeps nothing."""
    made = tape.new(_broadcast(one, other), max(one.itemsize, other.itemsize), strided=_strided(one, other))

    def backward(_: Saved, gradients: Gradients) -> Gradients:
        (gradient,) = gradients
        return [gradient, None if gradient is None else gradient.view()]

    tape.record(made, [one, other], (), backward)
    return made


def mul(tape: Tape, one: Operand, other: Operand) -> Tensor:
    """`one * other`: the gradient of each needs the other."""
    shape, itemsize = _broadcast(one, other), max(one.itemsize, other.itemsize)
    strided = _strided(one, other)
    first, second = differentiable(one), differentiable(other)

    def backward(_: Saved, __: Gradients) -> Gradients:
        return [tape.new(shape, itemsize, strided=strided) if wanted else None for wanted in (first, second)]

    kept = one if second else None, other if first else None
    return tape.operation(lambda: tape.new(shape, itemsize, strided=strided), [one, other], kept, backward)


def scale(tape: Tape, one: Tensor) -> Tensor:
    """`one` times, or divided by, a number: keeps nothing."""
    made = tape.new(one.shape, one.itemsize, strided=one.strided)
    shape, itemsize, strided = one.shape, one.itemsize, one.strided
    tape.record(made, [one], (), lambda _, __: [tape.new(shape, itemsize, strided=strided)])
    return made


def shift(tape: Tape, one: Tensor) -> Tensor:
    """`one` plus a number."""
    made = tape.new(one.shape, one.itemsize, strided=one.strided)
    tape.record(made, [one], (), lambda _, gradients: gradients)
    return made


def power(tape: Tape, one: Tensor) -> Tensor:
    """`one.pow(n)`; backward is `grad * (n * self.pow(n - 1))`, of which all three are alive at once."""
    shape, itemsize, strided = one.shape, one.itemsize, one.strided

    def backward(_: Saved, __: Gradients) -> Gradients:
        lower = tape.new(shape, itemsize)
        times = tape.new(shape, itemsize)
        made = tape.new(shape, itemsize)
        del lower, times
        return [made]

    return tape.operation(lambda: tape.new(shape, itemsize, strided=strided), [one], (one,), backward)


def mean(tape: Tape, one: Tensor) -> Tensor:
    """Over the last dimension, which stays with one element."""
    shape, itemsize = one.shape, one.itemsize
    made = tape.new((*shape[:-1], Size("1", 1)), itemsize)
    tape.record(made, [one], (), lambda _, __: [tape.new(shape, itemsize)])
    return made


def keeping_input(tape: Tape, one: Tensor) -> Tensor:
    """silu, gelu and their like: one kernel, which keeps what it was given."""
    shape, itemsize, strided = one.shape, one.itemsize, one.strided
    return tape.operation(
        lambda: tape.new(shape, itemsize, strided=strided), [one], (one,), lambda _, __: [tape.new(shape, itemsize)]
    )


def keeping_output(tape: Tape, one: Tensor) -> Tensor:
    """relu, tanh, sigmoid, rsqrt, exp, softmax: one kernel, which keeps what it made."""
    made = tape.new(one.shape, one.itemsize, strided=one.strided)
    shape, itemsize = one.shape, one.itemsize
    # Saved without its own node, which would be a cycle.
    tape.record(made, [one], (made.view(),), lambda _, __: [tape.new(shape, itemsize)])
    return made


SOFT_CAP = (scale, keeping_output, scale)
"""Over a number, through tanh, times the number: one after the other, each held no longer than until the next is made."""


def dropout(tape: Tape, one: Tensor, share: float) -> Tensor:
    """`nn.Dropout`. CUDA's kernel keeps a mask of bools; the processor's multiplies with noise of the input's dtype."""
    if not tape.dropping or not share:
        return one
    shape, itemsize = one.shape, one.itemsize
    noise = tape.new(shape, itemsize if tape.counted else MASK)
    made = tape.new(shape, itemsize, strided=one.strided)
    tape.record(made, [one], (noise,), lambda _, __: [tape.new(shape, itemsize)])
    return made


def copied(tape: Tape, one: Tensor, *, turned: bool = False) -> Tensor:
    """A copy in the order of its dimensions, as `reshape` and `contiguous` make it, of whose gradient no copy is made.

    `turned`: heads and tokens have changed places since, so that the gradient has heads between tokens.
    """
    made = tape.new(one.shape, one.itemsize)
    tape.record(made, [one], (), lambda _, gradients: [None if gradients[0] is None else gradients[0].view(strided=turned)])
    return made


def chosen(tape: Tape, one: Tensor, where: Tensor) -> Tensor:
    """`torch.where` of it and a number."""
    shape, itemsize = one.shape, one.itemsize
    return tape.operation(lambda: tape.new(shape, itemsize), [one], (where,), lambda _, __: [tape.new(shape, itemsize)])


def split(tape: Tape, one: Tensor, widths: Sequence[Size]) -> list[Tensor]:
    """`chunk` and `split` along the last dimension: views. Backward joins the gradients in a new tensor."""
    shape, itemsize = one.shape, one.itemsize
    made = [one.view((*shape[:-1], width)) for width in widths]
    tape.record(made, [one], (), lambda _, __: [tape.new(shape, itemsize)])
    return made


def part(tape: Tape, one: Tensor, shape: Shape) -> Tensor:
    """A slice, a view; backward is zeros of the whole with the slice's gradient in them."""
    made = one.view(shape)
    whole, itemsize = one.shape, one.itemsize
    tape.record(made, [one], (), lambda _, __: [tape.new(whole, itemsize)])
    return made


def joined(tape: Tape, parts: Sequence[Tensor], shape: Shape) -> Tensor:
    """`cat`: new; the gradients of the parts are views of its gradient."""
    made = tape.new(shape, max(one.itemsize for one in parts))
    shapes = [one.shape for one in parts]
    tape.record(
        made,
        list(parts),
        (),
        lambda _, gradients: [None if gradients[0] is None else gradients[0].view(shape) for shape in shapes],
    )
    return made


def _broadcast(one: Operand, other: Operand) -> Shape:
    # By dimensions first: of one token, a weight has as many elements as what it multiplies.
    larger = (len(one.shape), prod(one.shape)) >= (len(other.shape), prod(other.shape))
    return one.shape if larger else other.shape


def _strided(one: Operand, other: Operand) -> bool:
    """The order of memory of the larger one; of the first where they are equal."""
    larger = one if prod(one.shape) >= prod(other.shape) else other
    return isinstance(larger, Tensor) and larger.strided
