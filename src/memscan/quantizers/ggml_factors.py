"""The rotary factors that llama.cpp's converter writes as tensors of float32, because no weight of the model holds them.

`generate_extra_tensors` in https://github.com/ggml-org/llama.cpp/blob/master/conversion/llama.py (`rope_freqs`: one for each pair
of a head's dimensions) and in conversion/phi.py (`rope_factors_long` and `rope_factors_short`, as long as the config's);
conversion/gemma.py for Gemma 4, which has `rope_freqs` for the heads of its layers of full attention.
"""

from collections.abc import Mapping

from memscan.quantizers.ggml_model import F32, HEADS, Model, number

KEYS = ("rope_parameters", "rope_scaling")
GLOBAL = ("global_head_dim",)
FACTORS = ("long_factor", "short_factor")


def factors(model: Model) -> int:
    """Bytes of the factors; 0 where the converter adds none."""
    if not model.family.factors:
        return 0
    if model.family.architecture == "gemma4":
        return F32.block_bytes * (_full_head(model.words) // 2)
    rope = _rope(model.words)
    kind = rope.get("rope_type", rope.get("type"))
    if kind == "llama3":
        return F32.block_bytes * -(-_head(model.words) // 2)
    if kind == "longrope":
        lists = (rope.get(key) for key in FACTORS)
        return F32.block_bytes * sum(len(one) for one in lists if isinstance(one, list | tuple))
    return 0


def _full_head(words: Mapping[str, object]) -> int:
    """Of the layers of full attention, which transformers 5 states as those that differ from the others."""
    stated = number(words, GLOBAL)
    layers = words.get("per_layer_config")
    if stated is not None or not isinstance(layers, Mapping):
        return stated or 0
    return next((number(layer, ("head_dim",)) or 0 for layer in layers.values() if isinstance(layer, Mapping)), 0)


def _rope(words: Mapping[str, object]) -> Mapping[str, object]:
    for key in KEYS:
        value = words.get(key)
        if isinstance(value, Mapping):
            full = value.get("full_attention")
            return full if isinstance(full, Mapping) else value
    return {}


def _head(words: Mapping[str, object]) -> int:
    width, heads = number(words, ("hidden_size",)) or 0, number(words, HEADS) or 0
    return number(words, ("head_dim",)) or (width // heads if heads else 0)
