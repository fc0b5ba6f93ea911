"""Matrix products: linear layers, embeddings and the products of heads.

https://github.com/pytorch/pytorch/blob/v2.13.0/tools/autograd/derivatives.yaml (`mm`, `addmm`, `bmm`, `embedding`);
`aten/src/ATen/native/LinearAlgebra.cpp` there (`matmul`: heads that lie between tokens are copied to be multiplied).
"""

from memscan.activations.graph import Gradients, Saved
from memscan.activations.ledger import Shape
from memscan.activations.pointwise import cast, copied
from memscan.activations.tape import Tape
from memscan.activations.tensor import Tensor, Weight, differentiable


def linear(tape: Tape, one: Tensor, weight: Weight, bias: Weight | None = None) -> Tensor:
    """`nn.Linear`. The gradient of the input needs the weight, and that of the weight the input: of a frozen one it is not kept.

    In autocast both are cast first: the graph holds the casts.
    """
    used, given = tape.cast_weight(weight), lowered(tape, one)
    offset = None if bias is None else tape.cast_weight(bias)
    into, out = weight.shape[-1], weight.shape[0]
    shape: Shape = (*given.shape[:-1], out)
    itemsize, before = given.itemsize, given.shape
    first, second = differentiable(given), differentiable(used)
    third = differentiable(offset)

    def backward(_: Saved, __: Gradients) -> Gradients:
        return [
            tape.new(before, itemsize) if first else None,
            tape.new((out, into), itemsize) if second else None,
            tape.new((out,), itemsize) if third else None,
        ]

    kept = given if second else None, used if first else None
    return tape.operation(lambda: tape.new(shape, itemsize), [given, used, offset], kept, backward)


def embedding(tape: Tape, shape: Shape, weight: Weight, index: Tensor | None = None) -> Tensor:
    """Rows of a table, of `shape`; its gradient is dense. `index`: which, where these are not the model's own input."""
    size, itemsize = weight.shape, weight.itemsize
    if tape.wanting:
        # `enable_input_require_grads`, of the words, which are the first rows that a model takes.
        tape.wanting = False
        made = tape.new(shape, itemsize)
        tape.want(made)
        return made
    return tape.operation(lambda: tape.new(shape, itemsize), [weight], (index,), lambda _, __: [tape.new(size, itemsize)])


def heads(tape: Tape, one: Tensor, shape: Shape) -> Tensor:
    """`view(..., heads, head_dim).transpose(1, 2)`: a view with the heads between the tokens.

    Its gradient is copied where it lies otherwise.
    """
    made = one.view(shape, strided=True)
    before, itemsize = one.shape, one.itemsize

    def backward(_: Saved, gradients: Gradients) -> Gradients:
        (gradient,) = gradients
        if gradient is None or gradient.strided:
            return [gradient]
        return [tape.new(before, itemsize)]

    tape.record(made, [one], (), backward)
    return made


def lowered(tape: Tape, one: Tensor) -> Tensor:
    """In the dtype of autocast."""
    return one if tape.autocast is None else cast(tape, one, min(one.itemsize, tape.autocast))


def product(tape: Tape, one: Tensor, other: Tensor, shape: Shape) -> Tensor:
    """`torch.matmul` of two tensors of heads, with a result of `shape`; both are kept. Autocast is for who calls it."""
    left, right = _multiplied(tape, one), _multiplied(tape, other)
    itemsize = left.itemsize
    first, second = differentiable(left), differentiable(right)
    before, after = left.shape, right.shape

    def backward(_: Saved, __: Gradients) -> Gradients:
        return [tape.new(before, itemsize) if first else None, tape.new(after, itemsize) if second else None]

    kept = left if second else None, right if first else None
    return _unfolded(tape, tape.operation(lambda: tape.new(shape, itemsize), [left, right], kept, backward))


def _unfolded(tape: Tape, one: Tensor) -> Tensor:
    """The product as heads of sequences again: a gradient in which heads lie between tokens is copied."""
    made = one.view()
    shape, itemsize = one.shape, one.itemsize

    def backward(_: Saved, gradients: Gradients) -> Gradients:
        (gradient,) = gradients
        return [tape.new(shape, itemsize) if gradient is not None and gradient.strided and tape.sequences > 1 else gradient]

    tape.record(made, [one], (), backward)
    return made


def _multiplied(tape: Tape, one: Tensor) -> Tensor:
    return copied(tape, one) if one.strided and tape.sequences > 1 else one
