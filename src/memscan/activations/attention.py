"""Attention, as transformers runs it: `sdpa` or `eager`.

transformers 5.23.0: `integrations/sdpa_attention.py`, `eager_attention_forward` of each model. torch 2.13.0:
`aten/src/ATen/native/transformers/attention.cpp`. Sequences are taken to be without padding: then `sdpa` needs no mask, and
with one key and value heads are repeated. On CUDA the fused kernels are taken to keep what the processor's keeps: queries, keys,
values, the output, and a float32 for each row of scores.
"""

from dataclasses import dataclass

from memscan.activations.graph import Gradients, Saved
from memscan.activations.ledger import Shape, Size
from memscan.activations.matrices import lowered, product
from memscan.activations.pointwise import SOFT_CAP, add, cast, copied, dropout, keeping_output, scale
from memscan.activations.setup import ONE
from memscan.activations.tape import FULL, Tape
from memscan.activations.tensor import Tensor, differentiable

GROUPED = 256  # the widest head whose keys and values are not repeated: `use_gqa_in_sdpa`


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """The sizes of an attention, and how it is done."""

    sequences: Size
    queries: Size
    """Positions that ask, per sequence."""
    keys: Size
    """Positions that answer."""
    count: Size
    values: Size
    """Width of a value."""
    eager: bool = False
    dropout: float = 0
    causal: bool = True
    softcap: bool = False
    upcast: bool = True
    """Whether the eager softmax is done in float32 whatever comes in."""

    @property
    def scores(self) -> Shape:
        """Of the scores."""
        return self.sequences, self.count, self.queries, self.keys

    @property
    def output(self) -> Shape:
        """Of what comes out."""
        return self.sequences, self.count, self.queries, self.values


def attend(
    tape: Tape, heads: Heads, *, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """The output, heads side by side, and the weights that `eager` hands up: the code of a layer holds them until it ends."""
    if heads.eager:
        output, weights = _eager(tape, heads, query=query, key=key, value=value, mask=mask, bias=bias)
    else:
        output, weights = _sdpa(tape, heads, query=query, key=key, value=value, mask=mask, bias=bias), None
        if not output.strided:
            # The kernel's output lies in memory as the queries do: side by side if they were joined by `cat`.
            output = copied(tape, output, turned=True)
    width = Size("heads x head_dim", heads.count * heads.values)
    return output.reshaped((heads.sequences, heads.queries, width)), weights


def repeated(tape: Tape, one: Tensor, count: Size) -> Tensor:
    """`repeat_kv`: a copy for every query head, where they are fewer; backward sums them."""
    shape = one.shape
    if shape[1] == count:
        return one
    whole = shape[0], count, *shape[2:]
    # Of one head it is a view, which only a product of several sequences copies.
    made = one.view(whole, strided=True) if shape[1] == 1 else tape.new(whole, one.itemsize)
    tape.record(made, [one], (), lambda _, gradients: gradients)  # the engine sums
    return made


def _eager(
    tape: Tape, heads: Heads, *, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, bias: Tensor | None
) -> tuple[Tensor, Tensor]:
    """All scores at once, and a softmax of them."""
    keys, values = repeated(tape, key, heads.count), repeated(tape, value, heads.count)
    weights = scale(tape, product(tape, lowered(tape, query), lowered(tape, keys), heads.scores))
    if bias is not None:
        weights = add(tape, weights, bias)
    if heads.softcap:
        for step in SOFT_CAP:
            weights = step(tape, weights)
    if mask is not None:
        weights = add(tape, weights, mask)
    weights = _softmax(tape, weights, query.itemsize if heads.upcast else weights.itemsize, upcast=heads.upcast)
    weights = dropout(tape, weights, heads.dropout)
    output = product(tape, lowered(tape, weights), lowered(tape, values), heads.output)
    return copied(tape, output, turned=True), weights


def _softmax(tape: Tape, weights: Tensor, itemsize: int, *, upcast: bool) -> Tensor:
    return cast(tape, keeping_output(tape, cast(tape, weights, FULL) if upcast else weights), itemsize)


def _sdpa(
    tape: Tape, heads: Heads, *, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, bias: Tensor | None
) -> Tensor:
    """`scaled_dot_product_attention`, by a fused kernel where there is one."""
    grouped = heads.queries == 1 or (mask is None and heads.values <= GROUPED)
    keys, values = (key, value) if grouped else (repeated(tape, key, heads.count), repeated(tape, value, heads.count))
    query, keys, values = (lowered(tape, one) for one in (query, keys, values))
    if mask is not None:
        # A mask of bools is made one of numbers, in every layer anew (`convert_boolean_attn_mask`).
        mask = tape.new((heads.sequences, ONE, heads.queries, heads.keys), query.itemsize)
    elif bias is not None:
        mask = lowered(tape, bias)
    if tape.counted and ((tape.dropping and heads.dropout) or differentiable(mask)):
        return _math(tape, heads, query=query, key=keys, value=values, mask=mask)
    made = tape.new(heads.output, query.itemsize, strided=query.strided)
    rows = tape.new((heads.sequences, heads.count, heads.queries), FULL)
    shapes, itemsize = [query.shape, keys.shape, values.shape], query.itemsize
    inputs = [query, keys, values]
    if mask is not None and differentiable(mask):
        inputs.append(mask)
        shapes.append(heads.scores)  # before it is summed over sequences

    def backward(_: Saved, __: Gradients) -> Gradients:
        return [tape.new(shape, itemsize, strided=True) for shape in shapes]

    tape.record(made, inputs, (query, keys, values, made.view(), rows, mask), backward)
    return made


def _math(tape: Tape, heads: Heads, *, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """`_scaled_dot_product_attention_math`, in float32: on the processor with dropout, or where the mask is trained."""
    itemsize = query.itemsize
    queries, keys, values = (cast(tape, one, FULL) for one in (query, key, value))
    scaled = scale(tape, queries)
    if mask is None and heads.causal:
        mask = tape.new((heads.queries, heads.keys), FULL)
    weights = product(tape, scaled, scale(tape, keys), heads.scores)
    if mask is not None:
        weights = add(tape, weights, mask)  # in place, but under the modes of dispatch by which bytes are counted
    weights = keeping_output(tape, weights)
    weights = dropout(tape, weights, heads.dropout)
    wide = product(tape, weights, values, heads.output)
    output, _unused = cast(tape, wide, itemsize), cast(tape, weights, itemsize)
    return output
