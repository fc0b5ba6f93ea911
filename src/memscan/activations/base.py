"""What is asked: one pass of a model, and the adapters that are trained in it."""

from dataclasses import dataclass

from memscan.errors import UsageError

ITEMSIZES = {"float32": 4, "bfloat16": 2, "float16": 2}
ATTENTIONS = ("sdpa", "eager")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One forward pass, or one step of training, on one device."""

    tokens: int
    """In each sequence, in this pass: a prompt's length, or 1 for a step of decoding. Of an image model it is not asked."""
    sequences: int
    """In the batch."""
    dtype: str = "bfloat16"
    """`float32`, `bfloat16` or `float16`: of the weights, and of activations where nothing else is said."""
    attention: str = "sdpa"
    """`sdpa` or `eager`."""
    past: int = 0
    """Tokens of each sequence that the cache holds already."""
    target: int | None = None
    """Tokens of each sequence that a decoder is given where an encoder takes `tokens`; None: as many."""
    tensor_parallel: int = 1
    """Devices that share heads and intermediate sizes."""
    heads_whole: bool = False
    """Whether each of those attends with all heads: plans of transformers that gather them again."""
    counted: bool = False
    """As torch counts it on the processor, with which this is compared, instead of as it is on CUDA: there dropout keeps noise
    and rules out fused attention, and under the dispatch mode that counts gradients are never added in place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """LoRA on the linear layers of a frozen model, as peft adds it."""

    rank: int
    """Of the two matrices."""
    targets: frozenset[str] | None = None
    """Names of the linear layers, as the last part of the module's name; None: all but the head (`all-linear`)."""
    dropout: float = 0
    """On the input."""

    def covers(self, name: str) -> bool:
        """Whether the layer has one."""
        return self.targets is None or name in self.targets


LARGEST = 2**40  # of tokens, sequences and devices: beyond it no formula is of use


def check(one: Pass) -> None:
    """UsageError where the pass makes no sense."""
    counts = {"tokens": one.tokens, "sequences": one.sequences, "tensor_parallel": one.tensor_parallel}
    for name, count in counts.items():
        if not 1 <= count < LARGEST:
            raise UsageError(f"{name} of a pass is {count}, expected at least 1")
    if not 0 <= one.past < LARGEST or (one.target is not None and not 1 <= one.target < LARGEST):
        raise UsageError(f"past and target of a pass are {one.past} and {one.target}, expected numbers of tokens")
    if one.dtype not in ITEMSIZES:
        raise UsageError(f"{one.dtype} is no dtype of activations; expected one of {', '.join(ITEMSIZES)}")
    if one.attention not in ATTENTIONS:
        raise UsageError(f"{one.attention} is no attention; expected one of {', '.join(ATTENTIONS)}")
