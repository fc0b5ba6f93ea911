"""OPT: learned positions, ReLU, dropout. transformers 5.23.0, `models/opt/modeling_opt.py`."""

from memscan.activations.attention import Heads, attend
from memscan.activations.ledger import Size
from memscan.activations.losses import causal_loss
from memscan.activations.masks import causal_mask
from memscan.activations.matrices import embedding, heads, linear
from memscan.activations.norms import layer_norm
from memscan.activations.pointwise import add, dropout, scale
from memscan.activations.setup import Setup, needed, number_of_layers, ratio, runs
from memscan.activations.stack import Layer, through
from memscan.activations.store import kept
from memscan.activations.tape import FULL, INDEX, Tape
from memscan.activations.tensor import Tensor
from memscan.architecture.settings import Settings


class Sizes:
    """Of its config."""

    def __init__(self, settings: Settings, setup: Setup) -> None:
        count = needed(settings, "num_attention_heads")
        self.hidden = Size("hidden_size", needed(settings, "hidden_size"))
        self.outer = Size("word_embed_proj_dim", settings.integer("word_embed_proj_dim") or self.hidden)
        self.width = Size("head_dim", self.hidden // count)
        self.count = setup.share_heads("heads", count)
        self.inner = setup.share("ffn_dim", needed(settings, "ffn_dim"))
        self.vocab = Size("vocab_size", needed(settings, "vocab_size"))
        self.layers = number_of_layers(settings)
        self.attention, self.dropout = ratio(settings, "attention_dropout", 0), ratio(settings, "dropout", 0.1)
        self.bias = settings.get("enable_bias") is not False
        self.before = settings.get("do_layer_norm_before") is not False
        self.last = self.before and not settings.flag("_remove_final_layer_norm")
        self.function = settings.text_of("activation_function")


class Block:
    """One layer."""

    def __init__(self, setup: Setup, sizes: Sizes) -> None:
        self.setup, self.sizes, self.function = setup, sizes, setup.function(sizes.function)
        hidden, queries, bias = sizes.hidden, Size("heads x head_dim", sizes.count * sizes.width), sizes.bias
        self.norms = [(setup.weight(hidden), setup.weight(hidden)) for _ in range(2)]
        self.inputs = [setup.linear(name, queries, hidden, bias=bias) for name in ("q_proj", "k_proj", "v_proj")]
        self.output = setup.linear("out_proj", hidden, queries, bias=bias)
        self.up, self.down = (
            setup.linear("fc1", sizes.inner, hidden, bias=bias),
            setup.linear("fc2", hidden, sizes.inner, bias=bias),
        )

    def __call__(self, tape: Tape, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """The hidden states after it."""
        before, share = self.sizes.before, self.sizes.dropout
        made = layer_norm(tape, hidden, *self.norms[0]) if before else hidden
        made, _weights = self._attention(tape, made, mask)
        made = dropout(tape, made, share)
        made = add(tape, hidden, made)
        if not before:
            made = layer_norm(tape, made, *self.norms[0])
        between = made
        if before:
            made = layer_norm(tape, made, *self.norms[1])
        made = self.up(tape, made)
        made = self.function(tape, made)
        made = self.down(tape, made)
        made = dropout(tape, made, share)
        made = add(tape, between, made)
        return made if before else layer_norm(tape, made, *self.norms[1])

    def _attention(self, tape: Tape, given: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        setup, sizes = self.setup, self.sizes
        shape = (setup.sequences, sizes.count, setup.tokens, sizes.width)
        first, second, third = self.inputs
        query = heads(tape, scale(tape, first(tape, given)), shape)
        key, value = second(tape, given), third(tape, given)
        key, value = heads(tape, key, shape), heads(tape, value, shape)
        if setup.cached:
            key = kept(tape, setup, key, None)
            value = kept(tape, setup, value, None)
        how = Heads(
            sequences=setup.sequences, queries=setup.tokens, keys=key.shape[2], count=sizes.count, values=sizes.width,
            eager=setup.eager, dropout=sizes.attention,
        )  # fmt: skip
        output, weights = attend(tape, how, query=query, key=key, value=value, mask=mask)
        return self.output(tape, output), weights


class Opt:
    """The model."""

    def __init__(self, settings: Settings, setup: Setup) -> None:
        self.setup, self.sizes = setup, Sizes(settings, setup)
        sizes, positions = self.sizes, settings.integer("max_position_embeddings") or 2048
        self.table = setup.weight(sizes.vocab, sizes.outer)
        self.positions = setup.weight(Size("max_position_embeddings + 2", positions + 2), sizes.hidden)
        self.inside = self.outside = None
        if sizes.outer != sizes.hidden:
            self.inside = setup.linear("project_in", sizes.hidden, sizes.outer)
            self.outside = setup.linear("project_out", sizes.outer, sizes.hidden)
        self.layers = [(Block(setup, sizes), count) for _, count in runs(("",) * sizes.layers)]
        self.norm = setup.weight(sizes.hidden), setup.weight(sizes.hidden)
        self.head = self.table if settings.flag("tie_word_embeddings") else setup.weight(sizes.vocab, sizes.outer)

    def hidden(self, tape: Tape) -> Tensor:
        """What the head is given."""
        setup, sizes = self.setup, self.sizes
        whole = (setup.sequences, setup.tokens)
        words = embedding(tape, (*whole, sizes.outer), self.table)
        _ones, _index = tape.new(whole, FULL), tape.new(whole, INDEX)
        mask = causal_mask(tape, setup, words.itemsize)
        positions = embedding(tape, (*whole, sizes.hidden), self.positions)
        if self.inside is not None:
            words = self.inside(tape, words)

        def step(block: Block) -> Layer:
            return lambda one: block(tape, one, mask)

        hidden = through(tape, [(step(block), count) for block, count in self.layers], add(tape, words, positions))
        if sizes.last:
            hidden = layer_norm(tape, hidden, *self.norm)
        return hidden if self.outside is None else self.outside(tape, hidden)

    def logits(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the hidden states."""
        return linear(tape, hidden, self.head)

    def loss(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the next tokens."""
        logits = self.logits(tape, hidden)
        return causal_loss(tape, logits)
