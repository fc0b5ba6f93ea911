"""The sizes that llama.cpp printed of published files when people loaded them: `model size = 4.36 GiB (4.91 BPW)`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import pytest

from memscan.dtype import SAFETENSORS
from memscan.quantizers.base import Dense, Weight
from memscan.quantizers.ggml_mixes import QUANTIZERS

GIB, MIB = 2**30, 2**20
LLAMA3 = {"rope_parameters": {"rope_type": "llama3"}}
MIXES = {mix.name: mix for mix in QUANTIZERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """The sizes of a decoder of the manner of Llama."""

    model_type: str
    layers: int
    width: int
    heads: int
    keys: int
    inner: int
    vocabulary: int
    head: int = 0
    tied: bool = False
    biased: bool = False
    config: Mapping[str, Any] | None = None

    def dense(self) -> Dense:
        """Its weights in bfloat16, as a header shows them."""
        held = SAFETENSORS["BF16"]
        weights = tuple(
            Weight(name=name, shape=shape, dtype=held, nbytes=held.packed_nbytes(prod(shape)), module=None)
            for name, shape in self._weights()
        )
        config = {"num_hidden_layers": self.layers, "num_attention_heads": self.heads, "num_key_value_heads": self.keys,
                  "hidden_size": self.width, "head_dim": self._head, **(self.config or {})}  # fmt: skip
        return Dense(weights=weights, model_type=self.model_type, config=config)

    @property
    def _head(self) -> int:
        return self.head or self.width // self.heads

    def _weights(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield "model.embed_tokens.weight", (self.vocabulary, self.width)
        for number in range(self.layers):
            for name, shape in self._layer():
                yield f"model.layers.{number}.{name}", shape
        yield "model.norm.weight", (self.width,)
        if not self.tied:
            yield "lm_head.weight", (self.vocabulary, self.width)

    def _layer(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        queries, keys = self.heads * self._head, self.keys * self._head
        if self.model_type == "phi3":
            yield "self_attn.qkv_proj.weight", (queries + 2 * keys, self.width)
            yield "mlp.gate_up_proj.weight", (2 * self.inner, self.width)
        else:
            for name, rows in (("q", queries), ("k", keys), ("v", keys)):
                yield f"self_attn.{name}_proj.weight", (rows, self.width)
                if self.biased:
                    yield f"self_attn.{name}_proj.bias", (rows,)
            yield "mlp.gate_proj.weight", (self.inner, self.width)
            yield "mlp.up_proj.weight", (self.inner, self.width)
        yield "self_attn.o_proj.weight", (self.width, queries)
        yield "mlp.down_proj.weight", (self.width, self.inner)
        norms = {"cohere": 1, "gemma2": 4}.get(self.model_type, 2)
        for norm in range(norms):
            yield f"norm_{norm}.weight", (self.width,)


def shapes(model_type: str, *sizes: int, **more: Any) -> Shapes:
    layers, width, heads, keys, inner, vocabulary = sizes
    return Shapes(
        model_type=model_type, layers=layers, width=width, heads=heads, keys=keys, inner=inner, vocabulary=vocabulary, **more
    )


QWEN_7B = shapes("qwen2", 28, 3584, 28, 4, 18944, 152064, biased=True)
QWEN_32B = shapes("qwen2", 64, 5120, 40, 8, 27648, 152064, biased=True)
LLAMA_7B = shapes("llama", 32, 4096, 32, 32, 11008, 32000)
LLAMA_13B = shapes("llama", 40, 5120, 40, 40, 13824, 32000)
LLAMA_70B = shapes("llama", 80, 8192, 64, 8, 28672, 128256, config=LLAMA3)
MISTRAL = shapes("mistral", 32, 4096, 32, 8, 14336, 32000)
GEMMA_27B = shapes("gemma2", 46, 4608, 32, 16, 36864, 256000, head=128, tied=True)
COMMAND_R = shapes("cohere", 40, 8192, 64, 64, 22528, 256000, tied=True)
PHI_MINI = shapes("phi3", 32, 3072, 32, 32, 8192, 32064)

PRINTED = {
    "Qwen2.5-Coder-7B-Instruct": (QWEN_7B, "Q4_K_M", "4.36 GiB"),
    "Qwen2-7B-Instruct": (QWEN_7B, "Q5_K_M", "5.07 GiB"),
    "Qwen2-7B": (QWEN_7B, "Q8_0", "7.54 GiB"),
    "Qwen2.5-32B-Instruct": (QWEN_32B, "Q4_K_M", "18.48 GiB"),
    "Qwen2.5-Coder-32B-Instruct": (QWEN_32B, "Q8_0", "32.42 GiB"),
    "Qwen2.5-Coder-1.5B-Instruct": (
        shapes("qwen2", 28, 1536, 12, 2, 8960, 151936, tied=True, biased=True), "Q8_0", "1.53 GiB",
    ),
    "Llama-2-7B": (LLAMA_7B, "Q5_K_M", "4.45 GiB"),
    "LLaVA-1.5-7B": (LLAMA_7B, "Q4_K_M", "3.80 GiB"),
    "Llama-2-13B": (LLAMA_13B, "Q5_K_M", "8.60 GiB"),
    "Llama-2-13B-chat": (LLAMA_13B, "Q8_0", "12.881 GiB"),
    "Meta-Llama-3.1-70B-Instruct": (LLAMA_70B, "Q4_K_M", "39.59 GiB"),
    "DeepSeek-R1-Distill-Llama-70B": (LLAMA_70B, "Q6_K", "53.91 GiB"),
    "Llama-3.2-1B-Instruct": (
        shapes("llama", 16, 2048, 32, 8, 8192, 128256, tied=True, config=LLAMA3), "Q8_0", "1.22 GiB",
    ),
    "Llama-3.2-3B": (shapes("llama", 28, 3072, 24, 8, 8192, 128256, tied=True, config=LLAMA3), "Q3_K_M", "1.56 GiB"),
    "TinyLlama-1.1B-Chat": (shapes("llama", 22, 2048, 32, 4, 5632, 32000), "Q4_K_M", "636.18 MiB"),
    "CodeBooga-34B": (shapes("llama", 48, 8192, 64, 8, 22016, 32000), "Q5_K_M", "22.20 GiB"),
    "Lite-Oute-1-65M-Instruct": (shapes("llama", 8, 512, 16, 8, 2048, 32768), "Q2_K", "29.37 MiB"),
    "Mistral-7B-Instruct-v0.2": (MISTRAL, "Q4_K_M", "4.07 GiB"),
    "Mistral-7B-Instruct-v0.2 (2)": (MISTRAL, "Q5_K_M", "4.78 GiB"),
    "Mistral-7B-Instruct-v0.3": (shapes("mistral", 32, 4096, 32, 8, 14336, 32768), "Q8_0", "7.17 GiB"),
    "gemma-2-27b-it": (GEMMA_27B, "Q5_K_M", "18.07 GiB"),
    "gemma-2-27b-it (2)": (GEMMA_27B, "Q8_0", "26.94 GiB"),
    "gemma-2-9b-it": (shapes("gemma2", 42, 3584, 16, 8, 14336, 256000, head=256, tied=True), "Q4_K_M", "5.36 GiB"),
    "gemma-2-2b-it": (shapes("gemma2", 26, 2304, 8, 4, 9216, 256000, head=256, tied=True), "Q4_K_M", "1.59 GiB"),
    "Phi-3.5-mini-instruct": (PHI_MINI, "Q4_K_M", "2.23 GiB"),
    "Phi-3.5-mini-instruct (2)": (PHI_MINI, "Q8_0", "3.78 GiB"),
    "phi-4": (shapes("phi3", 40, 5120, 40, 10, 17920, 100352), "Q4_K_M", "8.43 GiB"),
    "c4ai-command-r-v01": (COMMAND_R, "Q4_K_M", "20.04 GiB"),
    "c4ai-command-r-v01 (2)": (COMMAND_R, "Q5_K_M", "23.28 GiB"),
}  # fmt: skip
"""Shapes, mix and what llama.cpp printed, as issues of llama.cpp and of ollama quote it."""


@pytest.mark.parametrize("model", PRINTED)
def test_the_size_is_what_llama_cpp_printed(model: str) -> None:
    shape, mix, printed = PRINTED[model]
    number, unit = printed.split()
    nbytes = sum(tensor.nbytes for tensor in MIXES[mix].quantize(shape.dense()).tensors)
    digits = len(number.partition(".")[2])
    assert f"{nbytes / {'GiB': GIB, 'MiB': MIB}[unit]:.{digits}f}" == number
