"""What a cache is asked to hold."""

from dataclasses import dataclass

from memscan.cache.kv_dtypes import MODEL_SIZES, checked_dtype
from memscan.errors import UsageError

MOST = 1 << 40  # tokens, sequences, ranks: far beyond any; keeps sums of them short


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRequest:
    """One workload, as the cache sees it.

    Raises:
        UsageError: for an engine, a dtype or a count that makes no sense.

    """

    engine: str
    """A key of `ENGINES`."""
    tokens: int
    """Held per sequence: prompt and answer together."""
    sequences: int
    """Held at the same time; beams count each."""
    dtype: str | None = None
    """The KV cache's own dtype, one of `KV_DTYPES`; None: the engine's default, which is the model's, or f16 in llama.cpp."""
    model_dtype: str
    """What the model runs in: `bfloat16`, `float16` or `float32`."""
    tensor_parallel: int = 1
    """Ranks that share the heads of each layer."""
    heads_whole: bool = False
    """Whether each of those ranks keeps all KV heads: plans of transformers that gather keys, or cut no attention."""
    states_whole: bool = False
    """Whether each of them keeps recurrent states whole."""
    layers: range | None = None
    """Those of a pipeline stage; None: all."""
    encoder_tokens: int | None = None
    """Tokens of the encoder, or of the image, that cross-attention sees; None: the model's own count, else `tokens`."""

    def __post_init__(self) -> None:
        checked_dtype(self.engine, self.dtype, self.model_dtype)
        counts = {"tokens": self.tokens, "sequences": self.sequences, "tensor_parallel": self.tensor_parallel}
        for name, count in counts.items():
            if not 1 <= count < MOST:
                raise UsageError(f"{name} is {count:,}, expected at least 1")
        if self.encoder_tokens is not None and not 0 <= self.encoder_tokens < MOST:
            raise UsageError(f"encoder_tokens is {self.encoder_tokens:,}, expected a count of tokens")

    @property
    def model_size(self) -> int:
        """Bytes of an element in the model's dtype."""
        return MODEL_SIZES[self.model_dtype]

    @property
    def state_ranks(self) -> int:
        """Ranks that share recurrent states."""
        return 1 if self.states_whole else self.tensor_parallel

    def heads(self, count: int) -> int:
        """KV heads of one rank: a share of them, or one whole head where there are fewer heads than ranks.

        vLLM 0.33.0, `ModelConfig.get_num_kv_heads`; UsageError where neither number divides the other.
        """
        ranks = 1 if self.heads_whole else self.tensor_parallel
        if count % ranks and ranks % count:
            raise UsageError(f"{count:,} KV heads cannot be shared by {ranks:,} ranks: neither number divides the other")
        return max(1, count // ranks)
