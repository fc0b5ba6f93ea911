"""GPT-2: learned positions, one layer for query, key and value, dropout. transformers 5.23.0, `models/gpt2/modeling_gpt2.py`."""

from memscan.activations.attention import Heads, attend
from memscan.activations.ledger import Size
from memscan.activations.losses import causal_loss
from memscan.activations.masks import causal_mask
from memscan.activations.matrices import embedding, heads, linear
from memscan.activations.norms import layer_norm
from memscan.activations.pointwise import add, dropout, split
from memscan.activations.setup import ONE, Setup, needed, number_of_layers, ratio, runs
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
        self.count = setup.share_heads("heads", count)
        self.inner = setup.share("n_inner", settings.integer("n_inner", "intermediate_size") or 4 * self.hidden)
        self.vocab = Size("vocab_size", needed(settings, "vocab_size"))
        self.layers = number_of_layers(settings)
        self.attention = ratio(settings, "attn_pdrop", 0.1)
        self.residual, self.embedding = ratio(settings, "resid_pdrop", 0.1), ratio(settings, "embd_pdrop", 0.1)
        self.function = settings.text_of("activation_function", "hidden_act")


class Block:
    """One layer."""

    def __init__(self, setup: Setup, sizes: Sizes) -> None:
        self.setup, self.sizes, self.function = setup, sizes, setup.function(sizes.function)
        hidden, queries = sizes.hidden, Size("heads x head_dim", sizes.count * sizes.width)
        self.norms = [(setup.weight(hidden), setup.weight(hidden)) for _ in range(2)]
        self.queries = queries
        self.inputs = setup.linear("c_attn", Size("3 x heads x head_dim", 3 * queries), hidden, bias=True)
        self.output = setup.linear("c_proj", hidden, queries, bias=True)
        self.up = setup.linear("c_fc", sizes.inner, hidden, bias=True)
        self.down = setup.linear("c_proj", hidden, sizes.inner, bias=True)

    def __call__(self, tape: Tape, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """The hidden states after it."""
        attended, _weights = self._attention(tape, layer_norm(tape, hidden, *self.norms[0]), mask)
        between = add(tape, attended, hidden)
        return add(tape, between, self._mlp(tape, layer_norm(tape, between, *self.norms[1])))

    def _attention(self, tape: Tape, given: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        setup, sizes = self.setup, self.sizes
        shape = (setup.sequences, sizes.count, setup.tokens, sizes.width)
        query, key, value = (heads(tape, one, shape) for one in split(tape, self.inputs(tape, given), [self.queries] * 3))
        if setup.cached:
            key = kept(tape, setup, key, None)
            value = kept(tape, setup, value, None)
        how = Heads(
            sequences=setup.sequences, queries=setup.tokens, keys=key.shape[2], count=sizes.count, values=sizes.width,
            eager=setup.eager, dropout=sizes.attention, upcast=False,
        )  # fmt: skip
        output, weights = attend(tape, how, query=query, key=key, value=value, mask=mask)
        output = self.output(tape, output)
        return dropout(tape, output, sizes.residual), weights

    def _mlp(self, tape: Tape, given: Tensor) -> Tensor:
        made = self.up(tape, given)
        made = self.function(tape, made)
        made = self.down(tape, made)
        return dropout(tape, made, self.sizes.residual)


class Gpt2:
    """The model."""

    def __init__(self, settings: Settings, setup: Setup) -> None:
        self.setup, self.sizes = setup, Sizes(settings, setup)
        positions = Size("n_positions", settings.integer("max_position_embeddings", "n_positions") or 1024)
        self.table = setup.weight(self.sizes.vocab, self.sizes.hidden)
        self.positions = setup.weight(positions, self.sizes.hidden)
        self.layers = [(Block(setup, self.sizes), count) for _, count in runs(("",) * self.sizes.layers)]
        self.norm = setup.weight(self.sizes.hidden), setup.weight(self.sizes.hidden)
        self.head = self.table if settings.flag("tie_word_embeddings") else setup.weight(self.sizes.vocab, self.sizes.hidden)

    def hidden(self, tape: Tape) -> Tensor:
        """What the head is given."""
        setup, sizes = self.setup, self.sizes
        words = embedding(tape, (setup.sequences, setup.tokens, sizes.hidden), self.table)
        _index = tape.new((setup.tokens,), INDEX)
        positions = embedding(tape, (ONE, setup.tokens, sizes.hidden), self.positions)
        mask = causal_mask(tape, setup, words.itemsize)

        def step(block: Block) -> Layer:
            return lambda one: block(tape, one, mask)

        steps = [(step(block), count) for block, count in self.layers]
        hidden = through(tape, steps, dropout(tape, add(tape, words, positions), sizes.embedding))
        return layer_norm(tape, hidden, *self.norm)

    def logits(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the hidden states."""
        return linear(tape, hidden, self.head)

    def loss(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the next tokens."""
        logits = self.logits(tape, hidden)
        return causal_loss(tape, logits)
