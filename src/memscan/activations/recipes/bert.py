"""BERT and RoBERTa: encoders with a norm after each part. transformers 5.23.0, `models/bert`, `models/roberta`."""

from memscan.activations.attention import Heads, attend
from memscan.activations.ledger import Size
from memscan.activations.losses import cross_entropy
from memscan.activations.matrices import embedding, heads
from memscan.activations.norms import layer_norm
from memscan.activations.pointwise import add, dropout, part
from memscan.activations.setup import EACH, ONE, Setup, labels, needed, number_of_layers, ratio, runs
from memscan.activations.stack import Layer, through
from memscan.activations.tape import INDEX, Tape
from memscan.activations.tensor import Tensor
from memscan.architecture.settings import Settings

WORDS = ("ForMaskedLM", "ForPreTraining", "ForCausalLM", "LMHeadModel")


class Sizes:
    """Of its config."""

    def __init__(self, settings: Settings, setup: Setup) -> None:
        count = needed(settings, "num_attention_heads")
        self.hidden = Size("hidden_size", needed(settings, "hidden_size"))
        self.width = Size("head_dim", self.hidden // count)
        self.count = setup.share_heads("heads", count)
        self.inner = setup.share("intermediate_size", needed(settings, "intermediate_size", "hidden_dim"))
        self.vocab = Size("vocab_size", needed(settings, "vocab_size"))
        self.positions = Size("max_position_embeddings", settings.integer("max_position_embeddings") or 512)
        self.types = Size("type_vocab_size", settings.integer("type_vocab_size") or 2)
        self.layers = number_of_layers(settings)
        self.attention = ratio(settings, "attention_probs_dropout_prob", 0.1)
        self.dropout = ratio(settings, "hidden_dropout_prob", 0.1)
        self.function = settings.text_of("hidden_act", "activation")


class Block:
    """One layer."""

    def __init__(self, setup: Setup, sizes: Sizes) -> None:
        self.setup, self.sizes, self.function = setup, sizes, setup.function(sizes.function)
        hidden, queries = sizes.hidden, Size("heads x head_dim", sizes.count * sizes.width)
        self.norms = [(setup.weight(hidden), setup.weight(hidden)) for _ in range(2)]
        self.inputs = [setup.linear(name, queries, hidden, bias=True) for name in ("query", "key", "value")]
        self.output = setup.linear("dense", hidden, queries, bias=True)
        self.up, self.down = (
            setup.linear("dense", sizes.inner, hidden, bias=True),
            setup.linear("dense", hidden, sizes.inner, bias=True),
        )

    def __call__(self, tape: Tape, hidden: Tensor) -> Tensor:
        """The hidden states after it."""
        attended, _weights = self._attention(tape, hidden)
        return self._feed_forward(tape, attended)

    def _attention(self, tape: Tape, hidden: Tensor) -> tuple[Tensor, Tensor | None]:
        attended, weights = self._self_attention(tape, hidden)
        made = self.output(tape, attended)
        made = dropout(tape, made, self.sizes.dropout)
        made = layer_norm(tape, add(tape, made, hidden), *self.norms[0])
        return made, weights

    def _self_attention(self, tape: Tape, given: Tensor) -> tuple[Tensor, Tensor | None]:
        setup, sizes = self.setup, self.sizes
        shape = (setup.sequences, sizes.count, setup.tokens, sizes.width)
        query, key, value = [heads(tape, layer(tape, given), shape) for layer in self.inputs]
        how = Heads(
            sequences=setup.sequences, queries=setup.tokens, keys=setup.tokens, count=sizes.count, values=sizes.width,
            eager=setup.eager, causal=False, dropout=sizes.attention, upcast=False,
        )  # fmt: skip
        return attend(tape, how, query=query, key=key, value=value)

    def _feed_forward(self, tape: Tape, given: Tensor) -> Tensor:
        inner = self._inner(tape, given)
        made = self.down(tape, inner)
        made = dropout(tape, made, self.sizes.dropout)
        return layer_norm(tape, add(tape, made, given), *self.norms[1])

    def _inner(self, tape: Tape, given: Tensor) -> Tensor:
        made = self.up(tape, given)
        return self.function(tape, made)


class Bert:
    """The model."""

    def __init__(self, settings: Settings, setup: Setup, *, counted: bool = False) -> None:
        """`counted`: whether positions are counted in each sequence (RoBERTa), instead of being the same for all."""
        self.setup, self.sizes, self.counted = setup, Sizes(settings, setup), counted
        sizes = self.sizes
        self.tables = [setup.weight(size, sizes.hidden) for size in (sizes.vocab, sizes.types, sizes.positions)]
        self.norm = setup.weight(sizes.hidden), setup.weight(sizes.hidden)
        self.layers = [(Block(setup, sizes), count) for _, count in runs(("",) * sizes.layers)]
        self.transform = setup.linear("dense", sizes.hidden, sizes.hidden, bias=True)
        self.last = setup.weight(sizes.hidden), setup.weight(sizes.hidden)
        self.function = setup.function(sizes.function)
        self.words = setup.head in {"", *WORDS}
        width = sizes.vocab if self.words else labels(settings)
        tied = self.words and settings.flag("tie_word_embeddings")
        self.head = setup.linear("decoder", width, sizes.hidden, bias=True)
        if tied:
            self.head.weight = self.tables[0]

    def hidden(self, tape: Tape) -> Tensor:
        """What the head is given."""
        embeddings = self._embedded(tape)

        def step(block: Block) -> Layer:
            return lambda one: block(tape, one)

        return through(tape, [(step(block), count) for block, count in self.layers], embeddings)

    def _embedded(self, tape: Tape) -> Tensor:
        setup, hidden = self.setup, self.sizes.hidden
        whole = (setup.sequences, setup.tokens, hidden)
        index = (setup.sequences if self.counted else ONE, setup.tokens)
        _types = tape.new(index, INDEX)
        _positions = tape.new(index, INDEX) if self.counted else None
        words = embedding(tape, whole, self.tables[0])
        types = embedding(tape, whole, self.tables[1])
        made = add(tape, words, types)
        positions = embedding(tape, (*index, hidden), self.tables[2])
        made = add(tape, made, positions)
        made = layer_norm(tape, made, *self.norm)
        return dropout(tape, made, self.sizes.dropout)

    def logits(self, tape: Tape, hidden: Tensor) -> Tensor:
        """For every token words or labels, or labels for the sequence."""
        if self.words:
            return self.head(tape, self._transformed(tape, hidden))
        if self.setup.head in EACH:
            return self.head(tape, dropout(tape, hidden, self.sizes.dropout))
        return self.head(tape, part(tape, hidden, (self.setup.sequences, ONE, self.sizes.hidden)))

    def _transformed(self, tape: Tape, hidden: Tensor) -> Tensor:
        made = self.transform(tape, hidden)
        made = self.function(tape, made)
        return layer_norm(tape, made, *self.last)

    def loss(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the masked words, in the dtype of the logits."""
        logits = self.logits(tape, hidden)
        return cross_entropy(tape, logits)


def bert(settings: Settings, setup: Setup) -> Bert:
    """BERT."""
    return Bert(settings, setup)


def roberta(settings: Settings, setup: Setup) -> Bert:
    """RoBERTa, and XLM-RoBERTa and CamemBERT, which are the same."""
    return Bert(settings, setup, counted=True)
