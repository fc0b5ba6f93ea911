"""Dtypes of a KV cache, engine by engine, with the bytes of an element.

transformers 5.23.0, cache_utils.py: `QuantizedCache` (backends `fp8`, `quanto`, `hqq`), for models of full attention alone.
vLLM 0.33.0, config/cache.py: `CacheDType`; sizes in v1/kv_cache_interface.py and model_executor/layers/attention.
llama.cpp (llama-cpp-python 0.3.36), common/arg.cpp: `kv_cache_types`; sizes are ggml's blocks.
"""

from collections.abc import Mapping
from fractions import Fraction

from memscan.dtype import GGML, DType
from memscan.errors import UsageError

TRANSFORMERS, VLLM, LLAMA_CPP = "transformers", "vllm", "llama.cpp"

MODEL_SIZES: Mapping[str, int] = {"bfloat16": 2, "float16": 2, "float32": 4}
"""Bytes of an element in the dtypes that a model runs in."""

GGML_TYPES: Mapping[str, DType] = {
    dtype.name.lower(): dtype
    for dtype in GGML.values()
    if dtype.name in {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "IQ4_NL", "Q5_0", "Q5_1"}
}

GROUPED_BITS: Mapping[str, int] = {"quanto-int4": 4, "quanto-int2": 2, "hqq-int8": 8, "hqq-int4": 4, "hqq-int2": 2}
"""`QuantizedCache(backend, nbits=)` of transformers."""

ONE_BYTE = frozenset({"fp8", "fp8_e4m3", "fp8_e5m2", "fp8_inc"})
PER_TOKEN_HEAD: Mapping[str, Fraction] = {
    "int8_per_token_head": Fraction(1),
    "fp8_per_token_head": Fraction(1),
    "int4_per_token_head": Fraction(1, 2),
}
"""Bytes of an element; beside them 4 bytes of scale for each head of each token, of keys and of values."""
NVFP4 = frozenset({"nvfp4", "nvfp4_4over6"})

KV_DTYPES: Mapping[str, tuple[str, ...]] = {
    TRANSFORMERS: (*MODEL_SIZES, "fp8", *GROUPED_BITS),
    VLLM: (*MODEL_SIZES, *sorted(ONE_BYTE), *PER_TOKEN_HEAD, *sorted(NVFP4), "fp8_ds_mla", "nvfp4_ds_mla"),
    LLAMA_CPP: tuple(GGML_TYPES),
}
"""Per engine, the dtypes that a KV cache can be asked for."""


def checked_dtype(engine: str, dtype: str | None, model_dtype: str) -> None:
    """UsageError unless `engine` is known and takes `dtype`, and models run in `model_dtype`."""
    if engine not in KV_DTYPES:
        raise UsageError(f"unknown engine {engine!r}; expected one of {', '.join(KV_DTYPES)}")
    if dtype is not None and dtype not in KV_DTYPES[engine]:
        raise UsageError(f"{engine} has no KV cache of dtype {dtype!r}; expected one of {', '.join(KV_DTYPES[engine])}")
    if model_dtype not in MODEL_SIZES:
        raise UsageError(f"no model runs in {model_dtype!r}; expected one of {', '.join(MODEL_SIZES)}")
