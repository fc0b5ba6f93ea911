"""T5: encoder and decoder with relative positions as a bias of the scores. transformers 5.23.0, `models/t5/modeling_t5.py`."""

from collections.abc import Callable, Sequence
from functools import partial

from memscan.activations.attention import Heads, attend
from memscan.activations.ledger import Size
from memscan.activations.losses import cross_entropy
from memscan.activations.masks import causal_mask
from memscan.activations.matrices import embedding, heads, linear
from memscan.activations.norms import scaled_norm
from memscan.activations.pointwise import add, cast, chosen, copied, dropout, mul, scale
from memscan.activations.setup import ONE, Setup, needed, number_of_layers, ratio, runs
from memscan.activations.stack import Layer, through
from memscan.activations.store import kept
from memscan.activations.tape import INDEX, MASK, Tape
from memscan.activations.tensor import Tensor, Weight
from memscan.architecture.settings import Settings


class Sizes:
    """Of its config."""

    def __init__(self, settings: Settings, setup: Setup) -> None:
        count = needed(settings, "num_heads", "num_attention_heads")
        self.hidden = Size("d_model", needed(settings, "d_model", "hidden_size"))
        self.width = Size("d_kv", needed(settings, "d_kv"))
        self.count = setup.share_heads("heads", count)
        self.inner = setup.share("d_ff", needed(settings, "d_ff"))
        self.vocab = Size("vocab_size", needed(settings, "vocab_size"))
        self.buckets = Size("relative_attention_num_buckets", settings.integer("relative_attention_num_buckets") or 32)
        self.layers = number_of_layers(settings)
        decoders = settings.layers("num_decoder_layers")
        self.decoders = self.layers if decoders is None else decoders
        self.dropout = ratio(settings, "dropout_rate", 0.1)
        projection = settings.text_of("feed_forward_proj") or "relu"
        self.gated = projection.startswith("gated-")
        # `gated-gelu` means the new one, as the config class has it.
        self.function = {"gated-gelu": "gelu_new"}.get(projection, projection.removeprefix("gated-"))


Bias = Tensor | Callable[[Size, Size], Tensor]
"""Of scores, or what makes it for so many queries and keys."""


class Feeding:
    """`T5LayerFF`."""

    def __init__(self, setup: Setup, sizes: Sizes) -> None:
        self.sizes, self.function = sizes, setup.function(sizes.function)
        self.norm = setup.weight(sizes.hidden)
        names = ("wi_0", "wi_1") if sizes.gated else ("wi",)
        self.inside = [setup.linear(name, sizes.inner, sizes.hidden) for name in names]
        self.outside = setup.linear("wo", sizes.hidden, sizes.inner)

    def __call__(self, tape: Tape, hidden: Tensor) -> Tensor:
        """The hidden states after it."""
        made = scaled_norm(tape, hidden, self.norm)
        made = self._dense(tape, made)
        return add(tape, hidden, dropout(tape, made, self.sizes.dropout))

    def _dense(self, tape: Tape, given: Tensor) -> Tensor:
        if self.sizes.gated:
            gate = self.function(tape, self.inside[0](tape, given))
            up = self.inside[1](tape, given)
            made = mul(tape, gate, up)
            made = dropout(tape, made, self.sizes.dropout)
            made = cast(tape, made, self.outside.weight.itemsize)
            return self.outside(tape, made)
        made = self.inside[0](tape, given)
        made = self.function(tape, made)
        made = dropout(tape, made, self.sizes.dropout)
        made = cast(tape, made, self.outside.weight.itemsize)
        return self.outside(tape, made)


class Attention:
    """`T5LayerSelfAttention`, or `T5LayerCrossAttention` where it is given states of the encoder."""

    def __init__(self, setup: Setup, sizes: Sizes, *, causal: bool, queries: Size) -> None:
        self.setup, self.sizes, self.causal, self.queries = setup, sizes, causal, queries
        self.norm = setup.weight(sizes.hidden)
        wide = Size("heads x d_kv", sizes.count * sizes.width)
        self.inputs = [setup.linear(name, wide, sizes.hidden) for name in ("q", "k", "v")]
        self.output = setup.linear("o", sizes.hidden, wide)

    def __call__(
        self, tape: Tape, hidden: Tensor, bias: Bias, *, mask: Tensor | None = None, states: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """The hidden states after it, the bias, made if it was not yet, and the weights where they are made."""
        normed = scaled_norm(tape, hidden, self.norm)
        made, bias, weights = self._attention(tape, normed, bias, mask=mask, states=states)
        return add(tape, hidden, dropout(tape, made, self.sizes.dropout)), bias, weights

    def _attention(
        self, tape: Tape, given: Tensor, bias: Bias, *, mask: Tensor | None, states: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        setup, sizes = self.setup, self.sizes
        first, second, third = self.inputs
        query = heads(tape, first(tape, given), (setup.sequences, sizes.count, self.queries, sizes.width))
        source = given if states is None else states
        shape = (setup.sequences, sizes.count, source.shape[1], sizes.width)
        key = heads(tape, second(tape, source), shape)
        value = heads(tape, third(tape, source), shape)
        if setup.cached and (self.causal or states is not None):
            key = kept(tape, setup, key, None)
            value = kept(tape, setup, value, None)
        biased = bias if isinstance(bias, Tensor) else bias(self.queries, key.shape[2])
        how = Heads(
            sequences=setup.sequences, queries=self.queries, keys=key.shape[2], count=sizes.count, values=sizes.width,
            eager=setup.eager, causal=False, dropout=sizes.dropout, upcast=False,
        )  # fmt: skip
        used = biased if setup.eager else self._joined(tape, biased)
        output, weights = attend(
            tape, how, query=query, key=key, value=value, mask=mask if setup.eager else None, bias=used
        )  # fmt: skip
        return self.output(tape, output), biased, weights

    def _joined(self, tape: Tape, bias: Tensor) -> Tensor:
        """`create_position_bias_mask`: the bias with the causal mask in it where there is one, and in any case in order."""
        if not self.causal or self.queries == 1:
            return copied(tape, bias) if bias.strided else bias
        order = tape.new((ONE, ONE, *bias.shape[2:]), MASK)
        return copied(tape, chosen(tape, bias, order))


class Stack:
    """Encoder or decoder."""

    def __init__(self, setup: Setup, sizes: Sizes, *, layers: int, decoder: bool, tokens: Size, table: Weight) -> None:
        self.setup, self.sizes, self.decoder, self.tokens, self.table = setup, sizes, decoder, tokens, table
        self.bias = setup.weight(sizes.buckets, sizes.count)
        self.blocks = [(Block(setup, sizes, decoder=decoder, tokens=tokens), count) for _, count in runs(("",) * layers)]
        self.norm = setup.weight(sizes.hidden)

    def __call__(self, tape: Tape, states: Tensor | None) -> Tensor:
        """The hidden states at its end. `states`: of the encoder."""
        setup, sizes = self.setup, self.sizes
        words = embedding(tape, (setup.sequences, self.tokens, sizes.hidden), self.table)
        mask = causal_mask(tape, setup, words.itemsize, tokens=self.tokens) if self.decoder else None
        first, rest = self.blocks[0][0], self.blocks[1:]
        made = tape.checkpointed_all(
            lambda one: first.first(tape, one, self.bias, mask, states), dropout(tape, words, sizes.dropout)
        )  # fmt: skip
        biases = made[1:]

        def step(block: Block) -> Layer:
            return lambda one: block(tape, one, biases, mask, states)

        # What goes from layer to layer is held by these alone.
        hidden = through(tape, [(step(block), count) for block, count in rest], made.pop(0))
        hidden = scaled_norm(tape, hidden, self.norm)
        return dropout(tape, hidden, sizes.dropout)


class Block:
    """One layer."""

    def __init__(self, setup: Setup, sizes: Sizes, *, decoder: bool, tokens: Size) -> None:
        self.setup, self.sizes, self.tokens, self.decoder = setup, sizes, tokens, decoder
        self.attention = Attention(setup, sizes, causal=decoder, queries=tokens)
        self.across = Attention(setup, sizes, causal=False, queries=tokens) if decoder else None
        self.feeding = Feeding(setup, sizes)

    def first(self, tape: Tape, hidden: Tensor, table: Weight, mask: Tensor | None, states: Tensor | None) -> list[Tensor]:
        """The first layer, which makes the biases of all."""
        return self._run(tape, hidden, (partial(self._bias, tape, table), partial(self._zeros, tape)), mask, states)

    def __call__(
        self, tape: Tape, hidden: Tensor, biases: Sequence[Tensor], mask: Tensor | None, states: Tensor | None
    ) -> Tensor:
        """The hidden states after it."""
        return self._run(tape, hidden, biases, mask, states)[0]

    def _run(
        self, tape: Tape, hidden: Tensor, biases: Sequence[Bias], mask: Tensor | None, states: Tensor | None
    ) -> list[Tensor]:
        made, own, _weights = self.attention(tape, hidden, biases[0], mask=mask)
        used = [own]
        if self.across is not None:
            made, zeros, _weights = self.across(tape, made, biases[-1], states=states)
            used.append(zeros)
        return [self.feeding(tape, made), *used]

    def _zeros(self, tape: Tape, queries: Size, keys: Size) -> Tensor:
        """Across there is no bias, and zeros are made for it."""
        made = tape.new((ONE, self.sizes.count, queries, keys), self.setup.itemsize if tape.autocast is None else tape.autocast)
        if tape.checkpointing:
            tape.want(made)
        return made

    def _bias(self, tape: Tape, table: Weight, queries: Size, keys: Size) -> Tensor:
        shape = (queries, keys)
        distance = tape.new(shape, INDEX)
        # `_relative_position_bucket`: the buckets, and on the way to them distances, logarithms and their limits.
        buckets = tape.new(shape, INDEX)
        way = [tape.new(shape, INDEX) for _ in range(3 if self.decoder else 4)], tape.new(shape, MASK)
        del way
        made = embedding(tape, (*shape, self.sizes.count), table, index=buckets)
        del distance
        made = made.reshaped((ONE, self.sizes.count, *shape))
        made.strided = True  # heads come last in memory
        return made


class T5:
    """The model."""

    def __init__(self, settings: Settings, setup: Setup) -> None:
        self.setup, self.sizes = setup, Sizes(settings, setup)
        sizes = self.sizes
        self.table = setup.weight(sizes.vocab, sizes.hidden)
        target = setup.target or (1 if setup.cached else setup.tokens)
        self.encoder = Stack(setup, sizes, layers=sizes.layers, decoder=False, tokens=setup.tokens, table=self.table)
        tokens = Size("target tokens", target)
        self.decoder = Stack(setup, sizes, layers=sizes.decoders, decoder=True, tokens=tokens, table=self.table)
        self.multiplied = settings.values.get("tie_word_embeddings") is not False  # embeddings are tied in any case

    def hidden(self, tape: Tape) -> Tensor:
        """What the head is given."""
        states = self.encoder(tape, None)
        self.setup.store.append(states)  # `encoder_outputs`, which the caller keeps
        return self.decoder(tape, states)

    def logits(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the hidden states."""
        return linear(tape, scale(tape, hidden) if self.multiplied else hidden, self.table)

    def loss(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the target, in the dtype of the logits."""
        logits = self.logits(tape, hidden)
        return cross_entropy(tape, logits)
