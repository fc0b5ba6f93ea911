"""What is asked of a model that runs: the workload of an inference."""

from dataclasses import dataclass, field

from memscan.document import shown
from memscan.errors import UsageError
from memscan.parallel import Degrees

TRANSFORMERS, VLLM, LLAMA_CPP = "transformers", "vllm", "llama.cpp"
ENGINES = (TRANSFORMERS, VLLM, LLAMA_CPP)
AUTO = "auto"
ATTENTIONS = ("sdpa", "eager")
MOST_TOKENS = 1 << 32
MOST_SEQUENCES = 1 << 24
CONTEXT = 8_192  # tokens, where nobody says how many: what chats and agents use, and most models can


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """An inference: `batch` sequences of `context` tokens each, prompt and answer together."""

    context: int | None = None
    """Tokens of one sequence; None: 8,192, or as many as the model was made for where those are fewer."""
    batch: int = 1
    """Sequences at once."""
    dtype: str | None = None
    """What the weights are loaded in, a name of `memscan.DTYPES`; None: as stored."""
    kv_dtype: str | None = None
    """What the KV cache is kept in; None: the model's dtype."""
    engine: str = AUTO
    """Whose rules hold; `auto`: llama.cpp for GGUF, transformers for all else."""
    attention: str = ATTENTIONS[0]
    degrees: Degrees = field(default_factory=Degrees)
    encoder_tokens: int | None = None
    """Tokens of the encoder's input, for models that have one; None: what the model takes, or else the context."""
    prefill: int | None = None
    """Tokens that one pass takes, of each sequence with transformers (`prefill_chunk_size`), of all together with the others;
    None: what the engine does by default."""
    max_sequences: int | None = None
    """Sequences that vLLM makes logits for at once when it measures itself (`--max-num-seqs`); None: its default."""
    gpu_memory_utilization: float = 0.92
    """The share of the device that vLLM takes (the default of 0.33)."""
    cuda_context: int | None = None
    """Bytes that the driver takes for each process; None: assumed."""
    allocator: int | None = None
    """Bytes that the allocator of torch takes beyond what is asked of it; None: assumed."""
    offload_experts: bool = False
    """Whether the routed experts stay in the memory of the CPU."""

    def check(self) -> None:
        """UsageError for values that make no sense."""
        self.degrees.check()
        _positive("context", self.context, MOST_TOKENS)
        _positive("batch", self.batch, MOST_SEQUENCES)
        _positive("encoder tokens", self.encoder_tokens, MOST_TOKENS)
        _positive("prefill", self.prefill, MOST_TOKENS)
        _positive("max sequences", self.max_sequences, MOST_SEQUENCES)
        if self.engine not in (AUTO, *ENGINES):
            raise UsageError(f"{shown(self.engine)} is not an engine; expected one of {', '.join(ENGINES)}")
        if self.attention not in ATTENTIONS:
            raise UsageError(f"{shown(self.attention)} is not an attention; expected one of {', '.join(ATTENTIONS)}")
        if not 0 < self.gpu_memory_utilization <= 1:
            raise UsageError(f"GPU memory utilization is {self.gpu_memory_utilization}, expected more than 0 and at most 1")
        for name, value in (("CUDA context", self.cuda_context), ("allocator", self.allocator)):
            if value is not None and value < 0:
                raise UsageError(f"{name} is {value:,} bytes, expected 0 or more")


def _positive(name: str, value: int | None, most: int) -> None:
    if value is not None and not 1 <= value <= most:
        raise UsageError(f"{name} is {value:,}, expected 1 to {most:,}")
