"""Attention, as transformers runs it: `sdpa` or `eager`.

transformers 5.23.0: `integrations/sdpa_attention.py`, `eager_attention_forward` of each model, `masking_utils.py`. Sequences are
taken to be without padding: then `sdpa` needs no mask, and with one key and value heads are repeated.
"""

from dataclasses import dataclass

from memscan.activations.graph import Gradients, Saved
from memscan.activations.ledger import Shape, Size
from memscan.activations.matrices import product
from memscan.activations.pointwise import add, cast, copied, dropout, keeping_output, scale
from memscan.activations.setup import ONE, Setup
from memscan.activations.tape import FULL, MASK, Tape
from memscan.activations.tensor import Tensor

GROUPED = 256  # the widest head whose keys and values are not repeated: `use_gqa_in_sdpa`


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """The sizes of an attention."""

    sequences: Size
    queries: Size
    """Positions that ask, per sequence."""
    keys: Size
    """Positions that answer."""
    count: Size
    values: Size
    """Of a value."""
    eager: bool = False
    dropout: float = 0
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


def repeat(tape: Tape, one: Tensor, count: Size) -> Tensor:
    """`repeat_kv`: a copy for every query head; backward sums them."""
    shape = one.shape
    if shape[1] == count:
        return one
    made = tape.new((shape[0], count, *shape[2:]), one.itemsize)
    tape.record(made, [one], (), lambda _, gradients: gradients)  # the engine sums
    return made


def attend(
    tape: Tape, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, heads: Heads
) -> tuple[Tensor, Tensor | None]:
    """The output, heads side by side, and what `eager` hands up beside it: the weights, which a layer's code holds until it ends."""
    if heads.eager:
        output, weights = eager(tape, query, key, value, mask, heads)
    else:
        output, weights = sdpa(tape, query, key, value, mask, heads), None
        if not output.strided:
            # The kernel's output lies in memory as the queries do: side by side if they were joined by `cat`.
            output = copied(tape, output, turned=True)
    return output.reshaped((*output.shape[:1], output.shape[2], Size("heads x head_dim", heads.count * heads.values))), weights


def eager(tape: Tape, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, heads: Heads) -> tuple[Tensor, Tensor]:
    """All scores at once, with a softmax of them."""
    keys, values = repeat(tape, key, heads.count), repeat(tape, value, heads.count)
    weights = scale(tape, product(tape, query, keys, heads.scores))
    if heads.softcap:
        weights = scale(tape, weights)
        weights = keeping_output(tape, weights)
        weights = scale(tape, weights)
    if mask is not None:
        weights = add(tape, weights, mask)
    weights = _softmax(tape, weights, query.itemsize, upcast=heads.upcast)
    weights = dropout(tape, weights, heads.dropout)
    output = product(tape, weights, values, heads.output)
    return copied(tape, output, turned=True), weights


def _softmax(tape: Tape, weights: Tensor, itemsize: int, *, upcast: bool) -> Tensor:
    return cast(tape, keeping_output(tape, cast(tape, weights, FULL) if upcast else weights), itemsize)


def sdpa(tape: Tape, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, heads: Heads) -> Tensor:
    """`scaled_dot_product_attention` by a fused kernel: it keeps queries, keys, values, output, and a float32 for each row."""
    grouped = heads.queries == 1 or (mask is None and heads.values <= GROUPED)
    keys, values = (key, value) if grouped else (repeat(tape, key, heads.count), repeat(tape, value, heads.count))
    if tape.autocast is not None:
        query, keys, values = (cast(tape, one, min(one.itemsize, tape.autocast)) for one in (query, keys, values))
    if mask is not None:
        # A mask of bools is made one of numbers, in every layer anew (`convert_boolean_attn_mask`).
        mask = tape.new((heads.sequences, ONE, heads.queries, heads.keys), query.itemsize)
    share = heads.dropout if tape.dropping else 0
    if tape.on_cpu and share:
        return _math(tape, query, keys, values, mask, heads)
    made = tape.new(heads.output, query.itemsize, strided=query.strided)
    rows = tape.new((heads.sequences, heads.count, heads.queries), FULL)
    shapes, itemsize = (query.shape, keys.shape, values.shape), query.itemsize

    def backward(_: Saved, __: Gradients) -> Gradients:
        return [tape.new(shape, itemsize, strided=True) for shape in shapes]

    tape.record(made, [query, keys, values], (query, keys, values, made.view(), rows, mask), backward)
    return made


def _math(tape: Tape, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, heads: Heads) -> Tensor:
    # Without a fused kernel, as on the processor with dropout (`_scaled_dot_product_attention_math`).
    weights = product(tape, scale(tape, query), scale(tape, key), heads.scores)
    if mask is not None:
        weights = add(tape, weights, mask)
    weights = dropout(tape, keeping_output(tape, weights), heads.dropout)
    return product(tape, weights, value, heads.output)


def causal_mask(tape: Tape, setup: Setup, itemsize: int, window: int | None) -> Tensor | None:
    """The mask that is made before the layers: none for `sdpa` where no window cuts in, bools for all sequences where one does,
    and for `eager` numbers for each sequence.
    """
    past = setup.past if window is None else max(0, min(setup.past, window - 1))
    keys = Size("past + tokens" if past else setup.tokens.name, past + setup.tokens)
    sliding = window is not None and keys >= window
    if not setup.eager and (not sliding or setup.tokens == 1):
        return None
    bools = tape.new((ONE, ONE, setup.tokens, keys), MASK)
    if sliding:
        causal = tape.new(bools.shape, MASK)
        bools = tape.new(bools.shape, MASK)
        del causal
    return tape.new((setup.sequences, ONE, setup.tokens, keys), itemsize) if setup.eager else bools
