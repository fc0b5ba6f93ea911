"""The numbers of parameters that publishers and the Hub state."""

from collections import Counter
from collections.abc import Iterable

import pytest

from memscan.architecture import Config
from memscan.document import Document
from memscan.packing import unpack
from memscan.tensor import TensorInfo
from tests.estimate.fixtures import load
from tests.packing import published
from tests.packing.packed import checkpoint, parameters, unpacked

KIMI_CONFIG = {
    "architectures": ["KimiK25ForConditionalGeneration"],
    "text_config": {
        "quantization_config": {
            "config_groups": {
                "group_0": {
                    "targets": ["Linear"],
                    "weights": {"group_size": 32, "num_bits": 4, "strategy": "group", "type": "int"},
                }
            },
            "format": "pack-quantized",
            "ignore": ["lm_head", "re:.*self_attn.*", "re:.*shared_experts.*", "re:.*mlp\\.(gate|up|gate_up|down)_proj.*"],
            "quant_method": "compressed-tensors",
        }
    },
}
W4A16 = KIMI_CONFIG["text_config"]["quantization_config"] | {
    "config_groups": {"group_0": {"targets": ["Linear"], "weights": {"group_size": 128, "num_bits": 4}}}
}


def by_dtype(tensors: Iterable[TensorInfo]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for one in tensors:
        counts[one.dtype.name] += one.elements
    return dict(counts)


@pytest.mark.parametrize(
    ("layers", "experts", "nbytes", "dense", "packed"),
    [(24, 32, 13_761_264_768, 1_804_459_584, 19_110_297_600), (36, 128, 65_248_815_744, 2_167_371_072, 114_661_785_600)],
    ids=["20b", "120b"],
)
def test_gpt_oss(layers: int, experts: int, nbytes: int, dense: int, packed: int) -> None:
    stored = dict(published.gpt_oss(layers=layers, experts=experts))
    found = unpacked(stored, {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn", "lm_head"]})
    assert sum(one.nbytes for one in found.tensors) == nbytes
    assert by_dtype(found.tensors) == {"BF16": dense, "mxfp4-4bit": packed}
    assert parameters(found.tensors) == dense + packed
    assert parameters(found.tensors) in {20_914_757_184, 116_829_156_672}
    experts_of = {one.name: one.shape for one in found.tensors}
    assert experts_of["model.layers.3.mlp.experts.gate_up_proj"] == (experts, 2880, 5760)
    assert experts_of["model.layers.3.mlp.experts.gate_up_proj_bias"] == (experts, 5760)


def test_kimi_k25() -> None:
    found = unpack(checkpoint(dict(published.kimi())), Config(Document("config.json", KIMI_CONFIG)).quantization)
    assert (found.reason, found.notes) == (None, ())
    assert by_dtype(found.tensors) == {
        "F32": 23_040, "compressed-tensors-4bit": 1_014_686_023_680, "BF16": 12_193_329_648,
    }  # fmt: skip
    assert parameters(found.tensors) == 1_026_879_376_368


def test_llama_in_four_bits_of_bitsandbytes() -> None:
    stored = dict(published.bitsandbytes(dict(published.llama(**published.LLAMA_8B))))
    found = unpacked(stored, {"quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": False})
    assert by_dtype(found.tensors) == {"BF16": 1_050_939_392, "bitsandbytes-4bit": 6_979_321_856}
    assert parameters(found.tensors) == 8_030_261_248


def test_llama_70b_in_four_bits_of_compressed_tensors() -> None:
    stored = dict(published.pack_quantized(dict(published.llama(**published.LLAMA_70B)), 4, 128))
    found = unpacked(stored, W4A16)
    assert by_dtype(found.tensors) == {"BF16": 2_102_665_216, "compressed-tensors-4bit": 68_451_041_280}
    assert parameters(found.tensors) == 70_553_706_496


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_llama_in_gptq(bits: int) -> None:
    """Three bits are packed without gaps: 32 values in three words."""
    dense = dict(published.llama(**published.LLAMA_8B))
    found = unpacked(
        dict(published.gptq(dense, bits, 128, bias=False)), {"quant_method": "gptq", "bits": bits, "group_size": 128}
    )
    assert (found.reason, found.notes) == (None, ())
    assert {one.name: one.shape for one in found.tensors} == {name: shape for name, (_, shape) in dense.items()}
    assert parameters(found.tensors) == 8_030_261_248


def test_the_biases_of_autogptq_are_counted_and_told() -> None:
    dense = dict(published.llama(**published.LLAMA_8B))
    found = unpacked(dict(published.gptq(dense, 4, 128, bias=True)), {"quant_method": "gptq", "bits": 4, "group_size": 128})
    assert parameters(found.tensors) == 8_031_637_504  # what the Hub counts of RedHatAI's quantized.w4a16 at revision 3921b6a
    assert [note.code for note in found.notes] == ["packed-biases"]
    assert "1,376,256 parameters" in found.notes[0].message


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", 8_030_261_248),
        ("TheBloke/Llama-2-7B-GPTQ", 6_738_415_616 + 1_359_872),
    ],
)
def test_the_headers_of_fixtures(repository: str, expected: int) -> None:
    model = load(repository)
    found = unpack(model.checkpoint, model.quantized)
    assert found.reason is None
    assert parameters(found.tensors) == expected
    assert sum(one.nbytes for one in found.tensors) == model.checkpoint.nbytes
