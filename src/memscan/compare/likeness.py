"""How alike two names are, from 0 to 1: `attention.q` and `attn.query` are, `attention.q` and `attn.key` less.

Words are compared, not letters: `q` abbreviates `query`, `attn` `attention`. Of names in a block only what stands behind its
number counts, for blocks are called differently everywhere (`model.layers.3`, `h.3`, `blk.3`).
"""

import re
from functools import lru_cache

WORD = re.compile(r"[A-Za-z]+|[0-9]+")
MAX_WORDS = 8  # the last ones of a name; a stranger's can have a million
MAX_LETTERS = 24
ABBREVIATED = 0.7
INSIDE = 0.5
SHORTEST_INSIDE = 1 / 3  # of the longer word: `q` in `wq` says something, `o` in `proj` nothing
BIASES = frozenset({"bias", "beta"})  # `beta` and `gamma` are names of TensorFlow, which early PyTorch models of BERT kept
KINDS = frozenset({"weight", "gamma", *BIASES})

SIDES = frozenset({"pre", "post"})


def words_of(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a pattern behind its last number, the last of them; `weight` and `bias`, which all names have, are none."""
    start = len(parts) - parts[::-1].index("*") if "*" in parts[:-1] else 0
    found: list[str] = []
    for part in parts[max(start, len(parts) - MAX_WORDS) :]:
        found += [word[:MAX_LETTERS].lower() for word in WORD.findall(part[: 4 * MAX_LETTERS])]
    if len(found) > 1 and found[-1] in KINDS:
        del found[-1]
    return tuple(found[-MAX_WORDS:])


def is_bias(parts: tuple[str, ...]) -> bool:
    """Whether a tensor of such a pattern is the bias of its module."""
    return parts[-1] in BIASES


def likeness(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """How alike two names of such words are: each word with the one that is most like it, over all words of both (Dice)."""
    if not one or not other:
        return 0.0
    left = list(other)
    total = 0.0
    for word in one:
        if not left:
            break
        values = [_words(word, candidate) for candidate in left]
        best = max(values)
        total += best
        if best:
            del left[values.index(best)]
    # `attention_norm` stands before the attention and `post_attention_norm` behind it, however alike they are.
    sides = SIDES.intersection(one) == SIDES.intersection(other)
    return 2 * total / (len(one) + len(other)) if sides else total / (len(one) + len(other))


@lru_cache(maxsize=4_096)
def _words(one: str, other: str) -> float:
    if one == other:
        return 1.0
    short, long = (one, other) if len(one) < len(other) else (other, one)
    if short[0] == long[0] and _abbreviates(short, long):
        return ABBREVIATED
    return INSIDE if short in long and len(short) >= SHORTEST_INSIDE * len(long) else 0.0


def _abbreviates(short: str, long: str) -> bool:
    letters = iter(long)
    return all(letter in letters for letter in short)
