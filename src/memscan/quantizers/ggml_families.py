"""The model types that llama.cpp converts, and what its quantizer and converter ask of a family.

Architectures: `@ModelBase.register` in https://github.com/ggml-org/llama.cpp/tree/master/conversion.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What is to be known of one family; the defaults are those of most."""

    architecture: str = ""
    """llama.cpp's word for it, where a rule asks for it."""
    large: int | None = None
    """How many layers llama.cpp takes for a model of 70 billion parameters (`LLM_TYPE_70B`)."""
    hybrid: bool = False
    """Whether the file says of each layer how many heads it has, none where it has no attention."""
    single_key: bool = False
    """Whether all heads share one key, whatever the config says."""
    factors: bool = False
    """Whether the factors of a long context are tensors of the file."""
    predictors: bool = False
    """Whether layers that predict further tokens are counted with the layers."""
    padded: bool = False
    """Whether the converter drops the first positions, up to that of the padding token."""
    remark: str | None = None
    """What a reader should know, as a sentence."""


TRIMMED = "rows of the embedding beyond the tokenizer's vocabulary, which the converter drops, are counted"
PACKED = (
    "the experts are counted as dense ones are; those of the published checkpoint are MXFP4, which the converter keeps and the"
    " quantizer refuses to quantize again"
)

PLAIN = Family()
LLAMA = Family(architecture="llama", large=80, factors=True)

FAMILIES: Mapping[str, Family] = {
    **dict.fromkeys(("llama", "mistral", "mixtral"), LLAMA),
    **dict.fromkeys((
        "bert", "bloom", "cohere", "cohere2", "deepseek_v2", "deepseek_v3", "distilbert", "dots1", "ernie4_5", "ernie4_5_moe",
        "falcon_h1", "falcon_mamba", "gemma", "gemma2", "glm", "glm4", "glm4v", "gpt2", "gpt_neox",
        "hunyuan_v1_dense", "hunyuan_v1_moe", "mamba", "mamba2", "minimax_m2", "modernbert", "mpt",
        "nemotron", "olmo2", "olmo3", "olmoe", "phi", "phimoe", "qwen2_5_vl", "qwen2_moe", "qwen2_vl", "qwen3", "qwen3_5",
        "qwen3_5_moe", "qwen3_moe", "qwen3_next", "qwen3_vl", "qwen3_vl_moe", "seed_oss", "stablelm", "starcoder2", "t5",
        "umt5",
    ), PLAIN),
    **dict.fromkeys(
        ("afmoe", "apertus", "arcee", "exaone4", "granite", "granitemoe", "llama4", "llama4_text", "smollm3"),
        Family(factors=True),
    ),
    **dict.fromkeys(("gemma3", "gemma3_text", "gemma3n", "gemma3n_text"), Family(remark=TRIMMED)),
    **dict.fromkeys(("gemma4", "gemma4_text"), Family(architecture="gemma4", factors=True)),
    "glm4_moe": Family(predictors=True),
    "glm4_moe_lite": Family(predictors=True),
    "exaone_moe": Family(predictors=True, factors=True),
    "falcon": Family(architecture="falcon"),
    "gpt_oss": Family(remark=PACKED),
    "gpt_bigcode": Family(single_key=True),
    **dict.fromkeys(
        ("bamba", "granitemoehybrid", "jamba", "lfm2", "lfm2_moe", "nemotron_h"), Family(hybrid=True)
    ),
    "olmo": Family(large=80),
    "phi3": Family(factors=True),
    **dict.fromkeys(("roberta", "xlm-roberta"), Family(padded=True)),
    "qwen2": Family(large=80),
}  # fmt: skip
"""The families by `model_type`."""
