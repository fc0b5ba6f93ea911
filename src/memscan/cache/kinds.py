"""Whether a model keeps anything between tokens, by its model type and class."""

import json
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from memscan.architecture.settings import Settings

PACKAGE = "memscan.cache"
ONLY_ENCODERS = ("EncoderModel", "EncoderOnly")  # T5EncoderModel: the half of a model that keeps nothing
NO_CACHE = "its class in transformers {version} takes no cache: every token is computed from all tokens before it"

REMOTE = frozenset(
    {
        "Yi", "aquila", "arctic", "baichuan", "bailing_moe", "bailing_moe_v2", "chatglm", "deci", "deepseek", "exaone",
        "grok-1", "hunyuan", "internlm", "internlm2", "jais", "kimi_k2", "llava_llama", "llava_qwen", "minicpm", "minicpmv",
        "minicpmo", "mistral3", "molmo", "nemotron-nas", "openelm", "orion", "phi-msft", "phi3small", "phi3_v", "pangu_embedded",
        "plamo", "qwen", "RefinedWeb", "RefinedWebModel", "refact", "skywork", "stablelm_epoch", "starcoder", "step1", "telechat",
        "telechat2", "telechat3", "xverse", "minimax_text_01", "openpangu", "seed_oss", "mimo", "dream", "llada", "codeshell",
        "plm", "deepseek_vl_v2", "kimi_vl", "pangu_ultra_moe", "solar", "tinyllama", "yuan", "zhinao", "multi_modality",
    }
)  # fmt: skip
"""Model types of remote code whose attention keeps keys and values, or latents where `kv_lora_rank` says so, of every layer."""

LLAMA_CPP = frozenset(
    {
        "arwkv7", "bailingmoe2", "chatglm", "cogvlm", "deepseek2", "deepseek32", "gemma", "glm-dsa", "gptj", "granitemoe",
        "grok", "grovemoe", "kimi-linear", "maincoder", "mimo2", "mistral4", "nemotron_h_moe", "olmo2", "phi2", "plamo2",
        "plamo3", "qwen35", "rwkv6", "rwkv6qwen2", "rwkv7", "smallthinker", "stablelm", "step35", "t5", "deepseek4",
    }
)  # fmt: skip
"""Architectures of llama.cpp that transformers does not know under that word."""

BARE_GGUF = frozenset(
    {"t5encoder", "jina-bert-v2", "jina-bert-v3", "neo-bert", "nomic-bert-moe", "wavtokenizer-dec", "gemma-embedding"}
)
UNREAD: Mapping[str, str] = {
    "bark": "three models that write one after the other",
    "blt": "byte models around a model of patches",
    "nemotron_h_puzzle": "sizes that differ from block to block",
    "reformer": "buckets of hashes",
    "phi4flash": "layers that share the state of another layer",
}
"""Model types that keep something of which no rule is written here."""


@cache
def _types() -> Mapping[str, Any]:
    raw = pkgutil.get_data(PACKAGE, "model_types.json")
    types: Mapping[str, Any] = json.loads(raw or b"{}")
    return types


def keeps_nothing(whole: Settings, text: Settings) -> str | None:
    """Why the model keeps nothing between tokens; None where it does, or where its model type is not known."""
    if whole.model_type in ASSISTANTS:
        return "it reads the cache of the model that it assists"
    bare = "its layers see the whole input at once"
    architecture = _architecture(whole)
    if architecture.endswith(ONLY_ENCODERS) or (whole.model_type or "") in BARE_GGUF:
        return bare
    kinds = [one.model_type for one in (whole, text) if one.model_type is not None]
    if _any(kinds, "keeps") or not any(kind in _types()["keeps nothing"] or _is_decoder(kind) for kind in kinds):
        return None
    if any(_is_decoder(kind) for kind in kinds):
        return None if text.flag("is_decoder") or whole.flag("is_decoder") else f"{bare}: `is_decoder` is not set"
    return bare if not any(kind in CAUSAL for kind in kinds) else NO_CACHE.format(version=_types()["transformers"])


ASSISTANTS = frozenset({"gemma4_assistant", "gemma4_unified_assistant"})
CAUSAL = frozenset({"openai-gpt", "xlm", "flaubert", "xlnet"})


def is_known(kind: str | None) -> bool:
    """Whether there is a rule for the model type, be it that every layer is full attention."""
    return kind is not None and (
        _any([kind], "keeps") or _any([kind], "keeps nothing") or _is_decoder(kind) or kind in REMOTE | LLAMA_CPP
    )


def is_of_transformers(kind: str | None) -> bool:
    """Whether transformers itself has classes for the model type, so that no remote code decides what is kept."""
    return kind is not None and (_any([kind], "keeps") or _any([kind], "keeps nothing") or _is_decoder(kind))


def writes_alone(whole: Settings) -> bool:
    """Whether the class that is declared is the decoder of an encoder-decoder by itself (BartForCausalLM)."""
    return _architecture(whole).endswith("ForCausalLM")


def _is_decoder(kind: str) -> bool:
    return _any([kind], "keeps as a decoder")


def _any(kinds: Sequence[str], name: str) -> bool:
    return any(kind in _types()[name] for kind in kinds)


def _architecture(whole: Settings) -> str:
    declared = whole.values.get("architectures")
    first = declared[0] if isinstance(declared, list | tuple) and declared else ""
    return first if isinstance(first, str) else ""
