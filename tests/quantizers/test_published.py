"""Whole checkpoints: what published figures and the layouts of published files say of them."""

import pytest

from memscan.dtype import Kind
from memscan.quantizers import QUANTIZERS
from tests.estimate.fixtures import load
from tests.quantizers.dense import METHODS, dense, published, weight

LLAMA = "meta-llama/Llama-3.1-8B"
EXPERTS = 45_097_156_608  # of Mixtral-8x7B: 32 layers, 8 experts, 3 matrices of 4096 x 14336
LINEAR = 6_979_321_856  # parameters in the linear layers of the blocks, as the Hub counts U8 * 2 of the 4-bit checkpoints
REST = 1_050_939_392
METHODS_WITH_EXPERTS = {"int4-g128", "fp8", "fp8-block", "nvfp4", "mxfp4"}


def total(method: str, repository: str = LLAMA) -> int:
    return sum(tensor.nbytes for tensor in QUANTIZERS[method].quantize(published(repository)).tensors)


def test_the_parameters_that_are_quantized_are_those_that_the_hub_counts_as_packed() -> None:
    made = QUANTIZERS["bnb-nf4"].quantize(published(LLAMA)).tensors
    packed = [tensor for tensor in made if tensor.dtype.kind is Kind.QUANTIZED]
    assert (len(packed), sum(tensor.elements for tensor in packed)) == (224, LINEAR)
    assert sum(tensor.elements for tensor in made) - LINEAR == REST


@pytest.mark.parametrize(
    ("method", "nbytes"),
    {
        "bnb-int8": 2 * REST + LINEAR + 4 * 1_376_256,
        "bnb-nf4": 2 * REST + LINEAR // 2 + 4 * (LINEAR // 64) + 224 * 64,
        "bnb-nf4-dq": 5_702_540_160,
        "fp8": 2 * REST + LINEAR + 2 * 1_376_256,
        "fp8-block": 2 * REST + LINEAR + 4 * (LINEAR // 128**2),
        "nvfp4": 2 * REST + LINEAR // 2 + LINEAR // 16 + 224 * 8,
        "mxfp4": 2 * REST + LINEAR // 2 + LINEAR // 32,
        "hqq-4bit-g64": 2 * REST + LINEAR // 2 + 4 * (LINEAR // 64),
        "gptq-4bit-g128": 2 * REST + LINEAR // 2 + 2 * (LINEAR // 128) + LINEAR // 256 + 4 * 1_245_184,
        "awq-4bit-g128": 2 * REST + LINEAR // 2 + 2 * (LINEAR // 128) + LINEAR // 256,
    }.items(),
)
def test_llama_8b(method: str, nbytes: int) -> None:
    assert total(method) == nbytes


def test_int4_is_the_layout_of_the_fixture_of_compressed_tensors() -> None:
    assert total("int4-g128") == load("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16").checkpoint.nbytes


def test_gptq_is_the_layout_of_the_fixture_of_autogptq_but_for_its_biases_of_zeros() -> None:
    header = {tensor.name: tensor for tensor in load("TheBloke/Llama-2-7B-GPTQ").checkpoint.tensors}
    quantizer = QUANTIZERS["gptq-4bit-g128"]
    packed = {name.removesuffix(".qweight") for name in header if name.endswith(".qweight")}
    shapes = {name: header[f"{name}.qweight"].shape for name in packed}

    made = quantizer.quantize(
        dense(*(weight(f"{name}.weight", rows, words * 8, dtype="F16") for name, (words, rows) in shapes.items()))
    )
    for tensor in made.tensors:
        module = tensor.name.removesuffix(".weight")
        stored = [header[f"{module}.{leaf}"].nbytes for leaf in ("qweight", "qzeros", "scales", "g_idx")]
        assert tensor.nbytes == sum(stored)
    assert len(made.tensors) == 224


@pytest.mark.parametrize("method", METHODS)
def test_experts_stored_one_by_one(method: str) -> None:
    """Mixtral stores w1, w2 and w3 of each expert; transformers fuses them into parameters, which no module swap sees."""
    made = QUANTIZERS[method].quantize(published("mistralai/Mixtral-8x7B-v0.1"))
    experts = [tensor for tensor in made.tensors if ".experts." in tensor.name]
    assert sum(tensor.elements for tensor in experts) == EXPERTS
    assert {tensor.dtype.kind is Kind.QUANTIZED for tensor in experts} == {method in METHODS_WITH_EXPERTS}
    assert made.assumed is not None
    assert ("routed experts" in (made.note or "")) == (method not in METHODS_WITH_EXPERTS)
    routers = [tensor for tensor in made.tensors if tensor.name.endswith(".gate.weight")]
    assert {tensor.dtype.name for tensor in routers} == ({"F16"} if method == "awq-4bit-g128" else {"BF16"})


def test_a_tied_output_layer_costs_nothing_and_the_embedding_stays() -> None:
    kept = ("lm_head", "model.embed_tokens")
    tied = published("Qwen/Qwen2.5-0.5B", kept=kept, last="model.norm.weight")
    for method in METHODS:
        made = {tensor.name: tensor for tensor in QUANTIZERS[method].quantize(tied).tensors}
        assert made["model.embed_tokens.weight"].nbytes == 2 * 151_936 * 896
        assert "lm_head.weight" not in made
