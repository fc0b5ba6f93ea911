"""A GGUF file with a header of 10 MB: the tensors of Llama-3.1-8B in Q8_0, and a vocabulary of 256,000 words in its metadata."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.writers.gguf import ARRAY, FLOAT32, INT32, STRING, UINT32, Array, Tensor, Writer

REPO_ID = "benchmarks/Llama-3.1-8B-GGUF"
FILE = "llama-3.1-8b-q8_0.gguf"
LAYERS, HIDDEN, INTERMEDIATE, KV = 32, 4096, 14336, 1024
WORDS, MERGES = 256_000, 125_000
Q8_0, F32 = 8, 0
BLOCK, BLOCK_BYTES = 32, 34


def header() -> bytes:
    """Everything in front of the tensors' bytes."""
    words = [f"word{number:06d}" for number in range(WORDS)]
    merges = [f"left{number % 1000:03d} right{number:06d}" for number in range(MERGES)]
    metadata = [
        ("general.architecture", STRING, "llama"),
        ("llama.block_count", UINT32, LAYERS), ("llama.embedding_length", UINT32, HIDDEN),
        ("llama.feed_forward_length", UINT32, INTERMEDIATE), ("llama.attention.head_count", UINT32, 32),
        ("llama.attention.head_count_kv", UINT32, 8), ("llama.context_length", UINT32, 131072),
        ("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5), ("llama.vocab_size", UINT32, WORDS),
        ("tokenizer.ggml.model", STRING, "gpt2"),
        ("tokenizer.ggml.tokens", ARRAY, Array(STRING, words)),
        ("tokenizer.ggml.scores", ARRAY, Array(FLOAT32, [0.0] * WORDS)),
        ("tokenizer.ggml.token_type", ARRAY, Array(INT32, [1] * WORDS)),
        ("tokenizer.ggml.merges", ARRAY, Array(STRING, merges)),
    ]  # fmt: skip
    return Writer().file(metadata, [*tensors()], data=False)


@cache
def header_length() -> int:
    """Bytes in front of the tensors' bytes."""
    return len(header())


def tensors() -> Iterator[Tensor]:
    """Yield the tensors, extents innermost first."""
    yield _matrix("token_embd.weight", HIDDEN, WORDS)
    yield _vector("output_norm.weight")
    yield _matrix("output.weight", HIDDEN, WORDS)
    for layer in range(LAYERS):
        at = f"blk.{layer}"
        yield _vector(f"{at}.attn_norm.weight")
        yield _vector(f"{at}.ffn_norm.weight")
        for name, outer in (("attn_q", HIDDEN), ("attn_k", KV), ("attn_v", KV), ("attn_output", HIDDEN)):
            yield _matrix(f"{at}.{name}.weight", HIDDEN, outer)
        for name in ("ffn_gate", "ffn_up"):
            yield _matrix(f"{at}.{name}.weight", HIDDEN, INTERMEDIATE)
        yield _matrix(f"{at}.ffn_down.weight", INTERMEDIATE, HIDDEN)


def _matrix(name: str, inner: int, outer: int) -> Tensor:
    return Tensor(name, (inner, outer), Q8_0, inner * outer // BLOCK * BLOCK_BYTES)


def _vector(name: str) -> Tensor:
    return Tensor(name, (HIDDEN,), F32, 4 * HIDDEN)


def write(folder: Path) -> None:
    """Write the repository."""
    folder.mkdir(parents=True, exist_ok=True)
    head = header()
    with (folder / FILE).open("wb") as file:
        file.write(head)
        file.truncate(len(head) + sum(-(-tensor.nbytes // 32) * 32 for tensor in tensors()))
