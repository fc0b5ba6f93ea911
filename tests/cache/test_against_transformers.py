"""Caches of small random models of every generative model type that transformers builds and runs here, to the byte.

Each model runs below and above its window: all tokens but one at once, then one more, because a layer with a window keeps a
view of all tokens after the first step. Configs are read as a config.json with few fields, and as the class saves them.
"""

import json
from typing import Any

import pytest
import torch

from memscan.architecture.settings import Settings
from memscan.cache import CacheRequest, kept, specs
from tests.cache.small_models import ENCODED, SEQUENCES, built, cache_after, classes, nbytes, small

pytestmark = [pytest.mark.torch, pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]

TOKENS = (3, 10)
LARGE = "the least that its parts can be made is too large"
PICTURE = "it does not run without a picture"
SHAPES = "the parts do not fit each other when they are made small; its text model is compared"
NOT_HERE: dict[str, str] = {
    "blip": PICTURE, "blip-2": PICTURE, "idefics": PICTURE, "instructblip": PICTURE, "instructblipvideo": PICTURE,
    "kosmos-2": PICTURE, "pi0": PICTURE,
    "blt": LARGE, "chameleon": LARGE, "deepseek_ocr2": LARGE, "dia": LARGE, "emu3": LARGE, "evolla": LARGE,
    "gemma4_unified": LARGE, "janus": LARGE, "llama4": LARGE, "muse_glimmer": LARGE, "pix2struct": LARGE,
    "pix2struct_text_model": LARGE, "unlimited_ocr": LARGE, "vibevoice": LARGE, "vibevoice_asr": LARGE,
    "dots3_note": SHAPES, "ernie4_5_vl_moe": SHAPES, "florence2": SHAPES, "fun_asr_nano": SHAPES, "granite4_vision": SHAPES,
    "inkling2": SHAPES, "molmo2": SHAPES, "muse_spark": SHAPES, "musicgen": SHAPES, "musicgen_melody": SHAPES,
    "nemo_speechlm": SHAPES, "nemotron_h_omni": SHAPES, "perception_lm": SHAPES, "t5gemma2": SHAPES,
    "gemma3n": "its vision tower needs timm; its text model is compared",
    "cpmant": "its own code fails at the second step",
    "diffusion_gemma": "it writes blocks of tokens at once",
    "gemma4_assistant": "it has no cache of its own",
    "gemma4_unified_assistant": "it has no cache of its own",
    "kyutai_speech_to_text": "its padding token has to lie outside its vocabulary",
    "moonshine_streaming": "its own code asks for a field that its config class does not have",
    "musicgen_decoder": "it takes a row of tokens for each codebook",
    "musicgen_melody_decoder": "it takes a row of tokens for each codebook",
    "pp_formulanet": "it leaves out cross-attention where the encoder's output is given",
    "reformer": "what it keeps are hashed buckets: a line says that they are not counted",
    "speech-encoder-decoder": "its encoder needs sound; other pairs of models are compared",
    "voxtral_realtime": "it does not run without sound",
}  # fmt: skip
"""Model types that are not compared, and why."""
RUN = sorted(set(classes()) - set(NOT_HERE))


def ours(model_type: str, values: dict[str, Any], tokens: int, *, dtype: str, encoder: int | None) -> int:
    request = CacheRequest(engine="transformers", tokens=tokens, sequences=SEQUENCES, model_dtype=dtype, encoder_tokens=encoder)
    items = kept(Settings(model_type, values), request)
    assert all(item.nbytes is not None for item in items), items
    return sum(item.nbytes or 0 for item in items)


@pytest.mark.parametrize("model_type", RUN)
def test_a_cache_holds_what_is_said(model_type: str) -> None:
    name = classes()[model_type]
    given = small(model_type)
    config, model = built(model_type, name, given)
    dtype = str(model.dtype).removeprefix("torch.")
    saved = json.loads(json.dumps(config.to_dict(), default=str))
    is_pair = bool(getattr(config, "is_encoder_decoder", False))
    encoder = ENCODED if is_pair else 0 if model_type.startswith("mllama") else None  # no picture is shown to it
    for tokens in TOKENS:
        held = nbytes(cache_after(model, config, tokens))
        for values in ({"model_type": model_type, **given}, saved):
            values["architectures"] = [name]
            assert ours(model_type, values, tokens, dtype=dtype, encoder=encoder) == held, (tokens, values)


def test_few_are_left_out() -> None:
    assert set(NOT_HERE) <= set(classes())
    assert len(RUN) > 200


@pytest.mark.parametrize("tokens", [4, 11])
@pytest.mark.parametrize("model_type", ["llama", "gemma2", "qwen3_next", "deepseek_v3", "bamba", "t5", "falcon", "minimax"])
def test_other_sizes_too(model_type: str, tokens: int) -> None:
    changes = {"head_dim": 6, "num_hidden_layers": 7, "sliding_window": 4, "num_key_value_heads": 1, "kv_lora_rank": 10}
    given = small(model_type, changes)
    config, model = built(model_type, classes()[model_type], given)
    held = nbytes(cache_after(model, config, tokens))
    encoder = ENCODED if getattr(config, "is_encoder_decoder", False) else None
    assert ours(model_type, {"model_type": model_type, **given}, tokens, dtype="bfloat16", encoder=encoder) == held


@pytest.mark.parametrize("model_type", ["gemma3_text", "qwen3_next", "falcon_h1", "gemma3n_text", "jamba", "nemotron_h"])
def test_layer_by_layer(model_type: str) -> None:
    given = small(model_type)
    config, model = built(model_type, classes()[model_type], given)
    cache = cache_after(model, config, 10)
    settings = Settings(model_type, {"model_type": model_type, **given})
    assert len(specs(settings)) == len(cache.layers)
    for index, layer in enumerate(cache.layers):
        request = CacheRequest(
            engine="transformers", tokens=10, sequences=SEQUENCES, model_dtype="bfloat16", layers=range(index, index + 1)
        )
        assert sum(item.nbytes or 0 for item in kept(settings, request)) == nbytes(layer), index


def test_an_fp8_cache_holds_what_is_said() -> None:
    import transformers

    given = small("llama")
    config, model = built("llama", "LlamaForCausalLM", given)
    cache = transformers.QuantizedCache("fp8", config)
    ids = torch.ones(SEQUENCES, 10, dtype=torch.long)
    with torch.no_grad():
        model(input_ids=ids, past_key_values=cache, use_cache=True)
    scales = 2 * 4 * len(cache.layers)  # of no dimension, and so not counted below
    settings = Settings("llama", {"model_type": "llama", **given})
    request = CacheRequest(engine="transformers", tokens=10, sequences=SEQUENCES, dtype="fp8", model_dtype="bfloat16")
    assert sum(item.nbytes or 0 for item in kept(settings, request)) == nbytes(cache) + scales


def test_a_picture_is_kept_by_the_layers_that_look_at_it() -> None:
    given = small("mllama_text_model") if "mllama_text_model" in classes() else small("mllama")["text_config"]
    values = {
        "model_type": "mllama",
        "text_config": {**given, "cross_attention_layers": [1, 3]},
        "vision_config": {"image_size": 56, "patch_size": 14, "max_num_tiles": 2},
    }
    request = CacheRequest(engine="transformers", tokens=4, sequences=1, model_dtype="bfloat16")
    line = next(item for item in kept(Settings("mllama", values), request) if item.name.startswith("cross"))
    assert line.nbytes == 2 * 2 * (4 * 4 + 1) * 2 * (8 + 8) * 2  # layers, tiles, patches, heads, elements, bytes
