"""What configs declare of their quantization, in all the places and words that they use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.architecture import Config, Quantization
from memscan.architecture.dequantizing import DEQUANTIZES
from memscan.document import Document

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from([
    "quant_method", "bits", "group_size", "format", "config_groups", "quantized_layers", "extra_config", "dynamic",
    "load_in_4bit", "weights", "quant_config", "quant_algo", "version", "expert_dtype", "targets",
])  # fmt: skip


HQQ = {"weight_quant_params": {"nbits": 3, "group_size": 64}}


def config(words: dict[str, object], modelopt: dict[str, object] | None = None) -> Config:
    return Config(Document("config.json", words), None if modelopt is None else Document("hf_quant_config.json", modelopt))


@pytest.mark.parametrize(
    ("words", "method", "bits", "group"),
    [
        ({"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128}}, "gptq", 4, 128),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": -1}}, "gptq", 4, None),
        ({"quantization_config": {"load_in_4bit": True}}, "bitsandbytes", 4, None),
        ({"quantization_config": {"load_in_8bit": True, "load_in_4bit": False}}, "bitsandbytes", 8, None),
        ({"quantization_config": {"quant_method": "mxfp4"}}, "mxfp4", 4, None),
        ({"quantization_config": {"quant_method": "quanto", "weights": "int2"}}, "quanto", 2, None),
        ({"quantization_config": {"quant_method": "awq", "w_bit": 4, "q_group_size": 64}}, "awq", 4, 64),
        ({"text_config": {"quantization_config": {"quant_method": "fp8"}}}, "fp8", 8, None),
        ({"compression_config": {"config_groups": {}}}, "compressed-tensors", None, None),
        ({"quantization": {"group_size": 64, "bits": 4}}, "mlx", 4, 64),
        ({"quantization": {"bits": 4}, "quantization_config": {"bits": 4}}, "mlx", 4, None),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}, "modelopt", 4, None),
        ({"quantization_config": {"quant_algo": "FP8"}}, "modelopt", 8, None),
        ({"quantization_config": {"x": 1}}, "an unnamed method", None, None),
        ({"quantization_config": {"quant_method": "hqq", "quant_config": HQQ}}, "hqq", 3, 64),
    ],
)  # fmt: skip
def test_methods(words: dict[str, object], method: str, bits: int | None, group: int | None) -> None:
    found = config(words).quantization
    assert found is not None
    assert (found.method, found.default.bits, found.default.group_size) == (method, bits, group)


@pytest.mark.parametrize("words", [{}, {"quantization_config": None}, {"quantization_config": {}}, {"quantization": "int8"}])
def test_nothing_declared(words: dict[str, object]) -> None:
    assert config(words).quantization is None


def test_hf_quant_config_where_the_config_says_nothing() -> None:
    beside = {
        "producer": {"name": "modelopt"},
        "quantization": {"quant_algo": "NVFP4", "group_size": 16, "exclude_modules": ["lm_head"]},
    }
    found = config({}, beside).quantization
    assert found is not None
    assert (found.method, found.default.bits, found.default.group_size, found.default.format) == ("modelopt", 4, 16, "NVFP4")
    declared = config({"quantization_config": {"quant_method": "fp8"}}, beside).quantization
    assert declared is not None
    assert declared.method == "fp8"
    assert config({}, {"quantization": {"quant_algo": None}}).quantization is None


def test_config_groups() -> None:
    groups = {"a": {"targets": ["Linear"], "weights": {"num_bits": 4, "group_size": 32}}, "b": {"targets": 3, "weights": None}}
    found = Quantization.parse({"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": groups})
    assert [(one.bits, one.group_size, one.format, one.targets) for one in found.schemes] == [
        (4, 32, "pack-quantized", ("Linear",))
    ]


def test_layers_of_their_own() -> None:
    found = Quantization.parse({
        "quant_method": "modelopt", "quant_algo": "MIXED_PRECISION",
        "quantized_layers": {"a.b": {"quant_algo": "FP8"}, "a.c": {"quant_algo": "W4A16_NVFP4", "group_size": 16}},
    })  # fmt: skip
    assert [(one.targets, one.bits, one.group_size) for one in found.schemes] == [(("a.b",), 8, None), (("a.c",), 4, 16)]


@pytest.mark.parametrize("place", ["beside", "inside", "below"])
def test_experts_of_four_bits(place: str) -> None:
    inner: dict[str, object] = {"quant_method": "fp8", **({"expert_dtype": "fp4"} if place == "inside" else {})}
    words: dict[str, object] = {"quantization_config": inner, **({} if place == "inside" else {"expert_dtype": "fp4"})}
    found = config({"text_config": words} if place == "below" else words).quantization
    assert found is not None
    assert found.fp4_experts


def test_what_transformers_dequantizes_names_the_version() -> None:
    assert all("transformers 5.23" in sentence for sentence in DEQUANTIZES.values())
    assert Quantization.parse({"quant_method": "fp8"}).dequantizes is not None
    assert Quantization.parse({"quant_method": "gptq"}).dequantizes is None


@given(st.dictionaries(KEYS, JSON, min_size=1))
def test_anything_is_read(settings: dict[str, object]) -> None:
    found = Quantization.parse(settings)
    assert found.method
    assert found.default.bits is None or isinstance(found.default.bits, int)
    Quantization.parse_mlx(settings)
    Quantization.parse_modelopt({"quantization": settings})
