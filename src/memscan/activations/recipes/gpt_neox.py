"""GPT-NeoX and Pythia: attention and MLP side by side, a part of each head rotated. transformers 5.23.0, `models/gpt_neox`."""

from memscan.activations.attention import Heads, attend
from memscan.activations.ledger import Size
from memscan.activations.losses import causal_loss
from memscan.activations.masks import causal_mask
from memscan.activations.matrices import embedding, heads, linear
from memscan.activations.norms import layer_norm
from memscan.activations.pointwise import add, dropout, split
from memscan.activations.rotary import Rotary, angles, rotated
from memscan.activations.setup import Setup, needed, number_of_layers, ratio, runs
from memscan.activations.stack import Layer, through
from memscan.activations.store import kept
from memscan.activations.tape import INDEX, Tape
from memscan.activations.tensor import Tensor
from memscan.architecture.settings import Settings


class Sizes:
    """Of its config."""

    def __init__(self, settings: Settings, setup: Setup) -> None:
        count = needed(settings, "num_attention_heads")
        self.hidden = Size("hidden_size", needed(settings, "hidden_size"))
        self.width = Size("head_dim", self.hidden // count)
        given = settings.get("rope_parameters")
        share = given.get("partial_rotary_factor") if isinstance(given, dict) else settings.number("rotary_pct")
        self.rotary = Size("rotary", int(self.width * (share if isinstance(share, float | int) else 0.25)))
        self.count = setup.share_heads("heads", count)
        self.inner = setup.share("intermediate_size", needed(settings, "intermediate_size"))
        self.vocab = Size("vocab_size", needed(settings, "vocab_size"))
        self.layers = number_of_layers(settings)
        self.attention, self.dropout = ratio(settings, "attention_dropout", 0), ratio(settings, "hidden_dropout", 0)
        self.bias = settings.get("attention_bias") is not False
        self.beside = settings.get("use_parallel_residual") is not False
        self.function = settings.text_of("hidden_act")


class Block:
    """One layer."""

    def __init__(self, setup: Setup, sizes: Sizes) -> None:
        self.setup, self.sizes, self.function = setup, sizes, setup.function(sizes.function)
        hidden, queries = sizes.hidden, Size("heads x head_dim", sizes.count * sizes.width)
        self.norms = [(setup.weight(hidden), setup.weight(hidden)) for _ in range(2)]
        self.inputs = setup.linear("query_key_value", Size("3 x heads x head_dim", 3 * queries), hidden, bias=sizes.bias)
        self.output = setup.linear("dense", hidden, queries, bias=sizes.bias)
        self.up = setup.linear("dense_h_to_4h", sizes.inner, hidden, bias=True)
        self.down = setup.linear("dense_4h_to_h", hidden, sizes.inner, bias=True)

    def __call__(self, tape: Tape, hidden: Tensor, rotary: Rotary, mask: Tensor | None) -> Tensor:
        """The hidden states after it."""
        share = self.sizes.dropout
        attended, _weights = self._attention(tape, layer_norm(tape, hidden, *self.norms[0]), rotary, mask)
        attended = dropout(tape, attended, share)
        if not self.sizes.beside:
            attended = add(tape, attended, hidden)
        made = self._mlp(tape, layer_norm(tape, hidden if self.sizes.beside else attended, *self.norms[1]))
        made = dropout(tape, made, share)
        made = add(tape, made, attended)
        return add(tape, made, hidden) if self.sizes.beside else made

    def _attention(self, tape: Tape, given: Tensor, rotary: Rotary, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        setup, sizes = self.setup, self.sizes
        shape = (setup.sequences, sizes.count, setup.tokens, Size("3 x head_dim", 3 * sizes.width))
        whole = heads(tape, self.inputs(tape, given), shape)  # held to the end, as the code does
        query, key, value = split(tape, whole, [sizes.width] * 3)
        query, key = [rotated(tape, one, rotary, sizes.rotary) for one in (query, key)]
        if setup.cached:
            key = kept(tape, setup, key, None)
            value = kept(tape, setup, value, None)
        how = Heads(
            sequences=setup.sequences, queries=setup.tokens, keys=key.shape[2], count=sizes.count, values=sizes.width,
            eager=setup.eager, dropout=sizes.attention,
        )  # fmt: skip
        output, weights = attend(tape, how, query=query, key=key, value=value, mask=mask)
        return self.output(tape, output), weights

    def _mlp(self, tape: Tape, given: Tensor) -> Tensor:
        made = self.up(tape, given)
        made = self.function(tape, made)
        return self.down(tape, made)


class GptNeox:
    """The model."""

    def __init__(self, settings: Settings, setup: Setup) -> None:
        self.setup, self.sizes = setup, Sizes(settings, setup)
        self.table = setup.weight(self.sizes.vocab, self.sizes.hidden)
        self.layers = [(Block(setup, self.sizes), count) for _, count in runs(("",) * self.sizes.layers)]
        self.norm = setup.weight(self.sizes.hidden), setup.weight(self.sizes.hidden)
        self.head = self.table if settings.flag("tie_word_embeddings") else setup.weight(self.sizes.vocab, self.sizes.hidden)

    def hidden(self, tape: Tape) -> Tensor:
        """What the head is given."""
        setup, sizes = self.setup, self.sizes
        words = embedding(tape, (setup.sequences, setup.tokens, sizes.hidden), self.table)
        _index = tape.new((setup.tokens,), INDEX)
        mask = causal_mask(tape, setup, words.itemsize)
        rotary = angles(tape, setup, sizes.rotary, words.itemsize)

        def step(block: Block) -> Layer:
            return lambda one: block(tape, one, rotary, mask)

        steps = [(step(block), count) for block, count in self.layers]
        hidden = through(tape, steps, dropout(tape, words, sizes.dropout))
        return layer_norm(tape, hidden, *self.norm)

    def logits(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the hidden states."""
        return linear(tape, hidden, self.head)

    def loss(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the next tokens."""
        logits = self.logits(tape, hidden)
        return causal_loss(tape, logits)
