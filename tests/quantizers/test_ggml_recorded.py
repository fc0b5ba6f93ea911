"""Block by block the bytes that llama.cpp's own converter and quantizer arrived at."""

import pytest

from memscan.quantizers.ggml_families import FAMILIES
from memscan.quantizers.ggml_mixes import QUANTIZERS, GgmlMix
from tests.quantizers.ggml_recorded import MODELS, by_block, dense, expected

MIXES = {mix.name: mix for mix in QUANTIZERS}
UNTESTED = {"gemma3n", "gemma4", "llama4_text"}
"""Model types of which the whole is recorded, or the language model alone, and not the other."""


@pytest.mark.parametrize("mix", QUANTIZERS, ids=lambda mix: mix.name)
@pytest.mark.parametrize("model", MODELS)
def test_every_block_has_the_bytes_of_llama_cpp(model: str, mix: GgmlMix) -> None:
    made = mix.quantize(dense(model))
    language = [tensor for tensor in made.tensors if not is_encoder(tensor.name)]
    assert by_block(language) == expected(model, mix.name)
    assert (made.assumed is None) == (len(language) == len(made.tensors))


@pytest.mark.parametrize("model", MODELS)
def test_names_and_shapes_alone_give_the_same_bytes(model: str) -> None:
    mix = MIXES["Q4_K_M"]
    told, judged = mix.quantize(dense(model)), mix.quantize(dense(model, modules=False))
    assert [tensor.nbytes for tensor in judged.tensors] == [tensor.nbytes for tensor in told.tensors]


def test_every_mix_is_recorded_for_every_model() -> None:
    assert all(set(record["mixes"]) == set(MIXES) for record in MODELS.values())


def test_every_family_is_recorded() -> None:
    assert {record["config"]["model_type"] for record in MODELS.values()} | UNTESTED == set(FAMILIES)


def test_the_record_holds_every_fallback() -> None:
    mixes = [made for record in MODELS.values() for made in record["mixes"].values()]
    types = {name for made in mixes for sums, _ in made for name in sums}
    assert {"Q4_0", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL", "F16"} <= types


def is_encoder(name: str) -> bool:
    return any(word in name for word in ("visual.", "vision_tower", "vision_model", "multi_modal_projector"))
