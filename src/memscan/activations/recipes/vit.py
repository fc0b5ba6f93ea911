"""ViT: patches of an image as tokens, a norm before each part. transformers 5.23.0, `models/vit/modeling_vit.py`."""

from memscan.activations.attention import Heads, attend
from memscan.activations.graph import Gradients, Saved
from memscan.activations.ledger import Size
from memscan.activations.losses import cross_entropy
from memscan.activations.matrices import heads
from memscan.activations.norms import layer_norm
from memscan.activations.pointwise import add, dropout, joined, part
from memscan.activations.setup import ONE, Setup, labels, needed, number_of_layers, ratio, runs
from memscan.activations.stack import Layer, through
from memscan.activations.tape import Tape
from memscan.activations.tensor import Tensor
from memscan.architecture.settings import Settings


class Sizes:
    """Of its config."""

    def __init__(self, settings: Settings, setup: Setup) -> None:
        count = needed(settings, "num_attention_heads")
        self.hidden = Size("hidden_size", needed(settings, "hidden_size"))
        self.width = Size("head_dim", self.hidden // count)
        self.count = setup.share_heads("heads", count)
        self.inner = setup.share("intermediate_size", needed(settings, "intermediate_size"))
        self.layers = number_of_layers(settings)
        patch = needed(settings, "patch_size")
        side = needed(settings, "image_size") // patch
        self.channels = Size("num_channels", settings.integer("num_channels") or 3)
        self.patch = Size("patch_size", patch)
        self.patches, self.tokens = Size("patches", side * side), Size("patches + 1", side * side + 1)
        self.attention = ratio(settings, "attention_probs_dropout_prob", 0)
        self.dropout = ratio(settings, "hidden_dropout_prob", 0)
        self.bias = settings.get("qkv_bias") is not False
        self.function = settings.text_of("hidden_act")


class Block:
    """One layer."""

    def __init__(self, setup: Setup, sizes: Sizes) -> None:
        self.setup, self.sizes, self.function = setup, sizes, setup.function(sizes.function)
        hidden, queries = sizes.hidden, Size("heads x head_dim", sizes.count * sizes.width)
        self.norms = [(setup.weight(hidden), setup.weight(hidden)) for _ in range(2)]
        self.inputs = [setup.linear(name, queries, hidden, bias=sizes.bias) for name in ("q_proj", "k_proj", "v_proj")]
        self.output = setup.linear("o_proj", hidden, queries, bias=True)
        self.up, self.down = (
            setup.linear("fc1", sizes.inner, hidden, bias=True),
            setup.linear("fc2", hidden, sizes.inner, bias=True),
        )

    def __call__(self, tape: Tape, hidden: Tensor) -> Tensor:
        """The hidden states after it."""
        made = layer_norm(tape, hidden, *self.norms[0])
        made, _weights = self._attention(tape, made)
        made = dropout(tape, made, self.sizes.dropout)
        made = between = add(tape, made, hidden)
        made = layer_norm(tape, made, *self.norms[1])
        made = self._mlp(tape, made)
        made = dropout(tape, made, self.sizes.dropout)
        return add(tape, made, between)

    def _attention(self, tape: Tape, given: Tensor) -> tuple[Tensor, Tensor | None]:
        setup, sizes = self.setup, self.sizes
        shape = (setup.sequences, sizes.count, sizes.tokens, sizes.width)
        query, key, value = [heads(tape, layer(tape, given), shape) for layer in self.inputs]
        how = Heads(
            sequences=setup.sequences, queries=sizes.tokens, keys=sizes.tokens, count=sizes.count, values=sizes.width,
            eager=setup.eager, causal=False, dropout=sizes.attention,
        )  # fmt: skip
        output, weights = attend(tape, how, query=query, key=key, value=value)
        return self.output(tape, output), weights

    def _mlp(self, tape: Tape, given: Tensor) -> Tensor:
        made = self.up(tape, given)
        made = self.function(tape, made)
        return self.down(tape, made)


class Vit:
    """The model."""

    def __init__(self, settings: Settings, setup: Setup) -> None:
        self.setup, self.sizes = setup, Sizes(settings, setup)
        sizes = self.sizes
        self.projection = setup.weight(sizes.hidden, sizes.channels, sizes.patch, sizes.patch), setup.weight(sizes.hidden)
        self.first, self.positions = setup.weight(ONE, ONE, sizes.hidden), setup.weight(ONE, sizes.tokens, sizes.hidden)
        self.layers = [(Block(setup, sizes), count) for _, count in runs(("",) * sizes.layers)]
        self.norm = setup.weight(sizes.hidden), setup.weight(sizes.hidden)
        self.head = setup.linear("classifier", labels(settings), sizes.hidden, bias=True)

    def hidden(self, tape: Tape) -> Tensor:
        """What the head is given."""
        embeddings = self._embedded(tape)

        def step(block: Block) -> Layer:
            return lambda one: block(tape, one)

        hidden = through(tape, [(step(block), count) for block, count in self.layers], embeddings)
        return layer_norm(tape, hidden, *self.norm)

    def _embedded(self, tape: Tape) -> Tensor:
        setup, sizes = self.setup, self.sizes
        patches = self._projected(tape)
        whole = (setup.sequences, sizes.tokens, sizes.hidden)
        made = joined(tape, [patches], whole)
        made = add(tape, made, self.positions)
        return dropout(tape, made, sizes.dropout)

    def _projected(self, tape: Tape) -> Tensor:
        """The convolution: its weight's gradient needs the pixels, which are the caller's but where autocast casts them."""
        sizes, sequences = self.sizes, self.setup.sequences
        weight, bias = (tape.cast_weight(one) for one in self.projection)
        itemsize = weight.itemsize
        pixels = (
            None
            if tape.autocast is None
            else tape.new((sequences, sizes.channels, sizes.patches, sizes.patch, sizes.patch), itemsize)
        )
        made = tape.new((sequences, sizes.patches, sizes.hidden), itemsize)

        shapes = weight.shape, bias.shape

        def backward(_: Saved, __: Gradients) -> Gradients:
            return [tape.new(shape, itemsize) for shape in shapes]

        tape.record(made, [weight, bias], (weight, pixels), backward)
        return made

    def logits(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the first token."""
        return self.head(tape, part(tape, hidden, (self.setup.sequences, ONE, self.sizes.hidden)))

    def loss(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the class."""
        logits = self.logits(tape, hidden)
        return cross_entropy(tape, logits)
