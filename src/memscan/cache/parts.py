"""What one layer keeps between tokens, as its architecture has it; an engine makes bytes of it.

Layer types are spelled as transformers 5.23 spells them (`ALLOWED_ATTN_LAYER_TYPES` in configuration_utils.py). A layer may keep
several parts: keys and values beside a recurrent state (Falcon-H1), or those of its own tokens beside those of an encoder's (T5).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Keys and values of each token."""

    heads: int
    """KV heads."""
    key: int
    """Elements of a key, for one head."""
    value: int
    """Elements of a value."""
    window: int | None = None
    """Tokens that a token sees, itself included; None: all before it."""
    chunked: bool = False
    """Whether the window is a chunk: a token sees those of its own chunk."""
    prompt: int = 0
    """Vectors that stand before the tokens and are kept with them (CPM-Ant)."""
    broadcast: int | None = None
    """Heads that transformers keeps where it repeats the KV heads before it keeps them (Falcon's new decoder)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latent:
    """One latent vector of each token, of which keys and values are made again (DeepSeek-V2, arXiv:2405.04434, section 2.1)."""

    rank: int
    """`kv_lora_rank`."""
    rotary: int
    """`qk_rope_head_dim`, kept once for all heads."""
    heads: int
    key: int
    """Elements of a key for one head, where an engine keeps keys and values instead."""
    value: int
    window: int | None = None
    expanded: bool = False
    """Whether it is remote code that runs in transformers, which keeps keys and values of all heads, not the latent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexer:
    """One key of each token, by which sparse attention finds the tokens to look at."""

    width: int
    """Elements of a key: `index_head_dim`."""
    item: int | None = None
    """Bytes of an element in transformers, whatever the model's dtype is; None: the model's."""
    positions: int = 0
    """Positions of 8 bytes that transformers keeps of each token beside the key (Qwen4, in its first layer of the kind)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cross:
    """Keys and values of the tokens of an encoder, or of an image."""

    heads: int
    key: int
    value: int
    tokens: int | None = None
    """How many there always are; None: as many as the encoder is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state of a size that does not depend on the tokens."""

    name: str
    """`recurrent state` or `convolution state`."""
    rows: tuple[tuple[int, int], ...]
    """Pairs of a count that tensor parallelism divides among its ranks and of the elements of each."""
    kernel: int | None = None
    """Of a convolution, how many tokens it sees; each row is kept so many times, or once less. None: of no convolution."""
    item: int | None = None
    """Bytes of an element in transformers, whatever the model's dtype is; None: the model's."""

    def elements(self, ranks: int) -> int:
        """Elements of one column for each of `ranks` ranks; what does not divide is held by every rank."""
        return sum(width * (count // ranks if count % ranks == 0 else max(1, count // ranks)) for count, width in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressed:
    """One vector for every `rate` tokens, and what waits for the next of them (DeepSeek-V4's compressors)."""

    width: int
    """Elements of a vector."""
    rate: int
    """Tokens to a vector."""
    overlaps: bool
    """Whether a vector sees the tokens of the one before it too: twice as much waits (compressed sparse attention)."""
    name: str
    """`compressed keys` or `indexer keys`."""


def elements(part: "Part") -> int:
    """Elements of one token, or of one state: 0 only where a config contradicts itself."""
    match part:
        case Attention() | Cross():
            return part.heads * (part.key + part.value)
        case Latent():
            return part.rank * part.heads
        case Indexer() | Compressed():
            return part.width
        case State():
            return part.elements(1) * (1 if part.kernel is None else part.kernel)


Part = Attention | Latent | Indexer | Cross | State | Compressed


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSpec:
    """One layer."""

    layer: int
    layer_type: str
    parts: tuple[Part, ...] = ()
    """Empty where it keeps nothing, or where nothing is known of it."""
    why: str = ""
    """Why it keeps nothing, why that is not known, or what was assumed of it, as a sentence without a full stop."""
    known: bool = True
    """Whether `parts` are what it keeps."""
    assumed: bool = False
    """Whether `parts` are what a model of its kind usually keeps, and no rule that is known."""
