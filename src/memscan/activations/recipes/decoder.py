"""A decoder of blocks with attention and an MLP or experts, with a norm before each, as most of them are.

transformers 5.23.0: `models/llama/modeling_llama.py`, from which the others are generated; `cache_utils.py` (`DynamicCache`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from memscan.activations.attention import Heads, attend
from memscan.activations.ledger import Size
from memscan.activations.losses import causal_loss
from memscan.activations.masks import causal_mask
from memscan.activations.matrices import embedding, heads, linear
from memscan.activations.norms import rms_norm
from memscan.activations.pointwise import SOFT_CAP, add, dropout, part, scale
from memscan.activations.rotary import Rotary, angles, rotated
from memscan.activations.setup import Setup, runs
from memscan.activations.stack import through
from memscan.activations.store import kept
from memscan.activations.tape import INDEX, Tape
from memscan.activations.tensor import Tensor, Weight

SLIDING = "sliding_attention"
FULL_ATTENTION = "full_attention"

Norm = Callable[[Tape, Tensor, Weight], Tensor]


class Mlp(Protocol):
    """What follows attention in a layer."""

    def __call__(self, tape: Tape, given: Tensor) -> Tensor:
        """Its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """In what decoders differ."""

    hidden: Size
    count: Size
    """Heads."""
    key_value: Size
    """Heads of keys and values."""
    width: Size
    """Of a head."""
    vocab: Size
    kinds: tuple[str, ...]
    """Of the layers: `full_attention`, `sliding_attention`, each with `experts` behind it where it has them."""
    window: int | None = None
    masks: tuple[int | None, ...] = ()
    """Windows of masks that are made whether a layer uses them or not."""
    mlp: Callable[[str], Mlp]
    """The MLP of a layer of a kind."""
    norm: Norm = rms_norm
    rotary: Size | None = None
    """How many dimensions of a head are rotated; None: all."""
    bias: tuple[bool, bool] = (False, False)
    """Of query, key and value; of the output."""
    fused: bool = False
    """One linear layer for query, key and value."""
    head_norm: str | None = None
    """A norm of queries and keys: `before` or `after` heads and tokens change places."""
    rotaries: bool = False
    """Angles of their own for sliding layers."""
    after: bool = False
    """A norm after attention and after the MLP too."""
    multiplied: bool = False
    """Hidden states and logits times numbers."""
    scaled: bool = False
    """Embeddings times a number."""
    softcap: bool = False
    """Of attention."""
    capped: bool = False
    """Of logits."""
    tied: bool = False
    dropout: float = 0
    """Of attention weights."""
    residual_dropout: float = 0


class Attention:
    """Of one layer."""

    def __init__(self, setup: Setup, style: Style, *, sliding: bool) -> None:
        self.setup, self.style, self.window = setup, style, style.window if sliding else None
        queries = Size("heads x head_dim", style.count * style.width)
        pairs = Size("key_value_heads x head_dim", style.key_value * style.width)
        self.widths, self.counts = (queries, pairs, pairs), (style.count, style.key_value, style.key_value)
        bias, out = style.bias
        if style.fused:
            whole = Size("qkv", queries + 2 * pairs)
            self.inputs = [setup.linear("qkv_proj", whole, style.hidden, bias=bias)]
        else:
            names = ("q_proj", "k_proj", "v_proj")
            self.inputs = [
                setup.linear(name, width, style.hidden, bias=bias) for name, width in zip(names, self.widths, strict=True)
            ]
        self.output = setup.linear("o_proj", style.hidden, queries, bias=out)
        self.norms = [setup.weight(style.width) for _ in range(2)]

    def __call__(self, tape: Tape, given: Tensor, rotary: Rotary, masked: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The output, and the weights where they are made."""
        setup, style = self.setup, self.style
        query, key, value, *_whole = self._fused(tape, given) if style.fused else self._apart(tape, given)
        query, key = [rotated(tape, one, rotary, style.rotary) for one in (query, key)]
        if setup.cached:
            key = kept(tape, setup, key, self.window)
            value = kept(tape, setup, value, self.window)
        sizes = Heads(
            sequences=setup.sequences, queries=setup.tokens, keys=key.shape[2], count=style.count, values=style.width,
            eager=setup.eager, dropout=style.dropout, softcap=style.softcap,
        )  # fmt: skip
        output, weights = attend(tape, sizes, query=query, key=key, value=value, mask=masked)
        return self.output(tape, output), weights

    def _fused(self, tape: Tape, given: Tensor) -> list[Tensor]:
        whole = self.inputs[0](tape, given)
        parts = [part(tape, whole, (*whole.shape[:-1], width)) for width in self.widths]
        # The code holds the whole until attention is done.
        return [*(self._headed(tape, one, count) for one, count in zip(parts, self.counts, strict=True)), whole]

    def _apart(self, tape: Tape, given: Tensor) -> list[Tensor]:
        first, second, third = self.inputs
        query = self._headed(tape, self._normed(tape, first(tape, given), 0), self.counts[0])
        key = self._headed(tape, self._normed(tape, second(tape, given), 1), self.counts[1])
        value = self._headed(tape, third(tape, given), self.counts[2])
        if self.style.head_norm == "after":
            query = self.style.norm(tape, query, self.norms[0])
            key = self.style.norm(tape, key, self.norms[1])
        return [query, key, value]

    def _normed(self, tape: Tape, one: Tensor, index: int) -> Tensor:
        """A norm of each head, before heads and tokens change places."""
        setup, style = self.setup, self.style
        if style.head_norm != "before":
            return one
        shape = (setup.sequences, setup.tokens, self.counts[index], style.width)
        return style.norm(tape, one.reshaped(shape), self.norms[index])

    def _headed(self, tape: Tape, one: Tensor, count: Size) -> Tensor:
        return heads(tape, one, (self.setup.sequences, count, self.setup.tokens, self.style.width))


class Layer:
    """One block."""

    def __init__(self, setup: Setup, style: Style, kind: str) -> None:
        self.style, self.sliding = style, kind.startswith(SLIDING)
        self.attention = Attention(setup, style, sliding=self.sliding)
        self.mlp = style.mlp(kind)
        self.norms = [setup.weight(style.hidden) for _ in range(4)]

    def __call__(self, tape: Tape, hidden: Tensor, rotary: Rotary, masked: Tensor | None) -> Tensor:
        """The hidden states after it."""
        style, norm = self.style, self.style.norm
        made = norm(tape, hidden, self.norms[0])
        made, _weights = self.attention(tape, made, rotary, masked)
        if style.after:
            made = norm(tape, made, self.norms[1])
        made = between = self._added(tape, hidden, made)
        made = norm(tape, made, self.norms[2])
        made = self.mlp(tape, made)
        if style.after:
            made = norm(tape, made, self.norms[3])
        return self._added(tape, between, made)

    def _added(self, tape: Tape, residual: Tensor, change: Tensor) -> Tensor:
        if self.style.multiplied:
            return add(tape, residual, scale(tape, change))
        return add(tape, residual, dropout(tape, change, self.style.residual_dropout))


class Decoder:
    """The model."""

    def __init__(self, setup: Setup, style: Style) -> None:
        self.setup, self.style = setup, style
        self.table = setup.weight(style.vocab, style.hidden)
        self.layers = [(Layer(setup, style, kind), count) for kind, count in runs(style.kinds)]
        self.norm = setup.weight(style.hidden)
        self.head = self.table if style.tied else setup.weight(style.vocab, style.hidden)

    def hidden(self, tape: Tape) -> Tensor:
        """What the head is given."""
        setup, style = self.setup, self.style
        embeddings = self._embedded(tape)
        _positions = tape.new((setup.tokens,), INDEX)
        used = sorted({layer.sliding for layer, _ in self.layers})
        windows = dict.fromkeys((*(style.window if one else None for one in used), *style.masks))
        masks = {window: causal_mask(tape, setup, embeddings.itemsize, window=window) for window in windows}
        rotaries = {
            one: angles(tape, setup, style.rotary or style.width, embeddings.itemsize)
            for one in (used if style.rotaries else used[:1])
        }

        def step(layer: Layer) -> Callable[[Tensor], Tensor]:
            rotary = rotaries[layer.sliding if style.rotaries else used[0]]  # before the layers, for all of them
            masked = masks[style.window if layer.sliding else None]
            return lambda one: layer(tape, one, rotary, masked)  # a checkpoint holds on to no other mask

        hidden = through(tape, [(step(layer), count) for layer, count in self.layers], embeddings)
        return style.norm(tape, hidden, self.norm)

    def _embedded(self, tape: Tape) -> Tensor:
        setup, style = self.setup, self.style
        shape = (setup.sequences, setup.tokens, style.hidden)
        if style.multiplied:
            return scale(tape, embedding(tape, shape, self.table))
        if not style.scaled:
            return embedding(tape, shape, self.table)
        # The module scales: it is what it hands out that is told to want a gradient.
        wanting, tape.wanting = tape.wanting, False
        embeddings = scale(tape, embedding(tape, shape, self.table))
        if wanting:
            tape.want(embeddings)
        return embeddings

    def logits(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of all the hidden states."""
        logits = linear(tape, hidden, self.head)
        if self.style.multiplied:
            logits = scale(tape, logits)
        for step in SOFT_CAP if self.style.capped else ():
            logits = step(tape, logits)
        return logits

    def loss(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the next tokens."""
        logits = self.logits(tape, hidden)
        return causal_loss(tape, logits)
