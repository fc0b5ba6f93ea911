"""Layouts by hand: what libraries without a writer here store, mixtures, contradictions, and what is left alone."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.architecture import Quantization
from memscan.checkpoint import is_buffer
from memscan.packing import unpack
from memscan.packing.answers import Answer, Answers
from memscan.packing.base import Hidden, Logical, Stored
from memscan.packing.layouts import LAYOUTS
from memscan.packing.scaled import SCALED
from memscan.packing.schemes import Schemes
from memscan.tensor import TensorInfo
from tests.packing.packed import Table, checkpoint, parameters, unpacked
from tests.packing.recorded import cases
from tests.writers.tensors import tensor

FP8 = {"quant_method": "fp8", "weight_block_size": [128, 128]}
CT = {"quant_method": "compressed-tensors", "format": "pack-quantized"}


def group(bits: int, size: int, *targets: str) -> Mapping[str, object]:
    return {"targets": list(targets), "weights": {"num_bits": bits, "group_size": size, "type": "int"}}


def shapes(found: object) -> dict[str, tuple[int, ...]]:
    return {one.name: one.shape for one in found.tensors}


def test_what_is_not_quantized_costs_nothing() -> None:
    whole = checkpoint({"a.weight": ("BF16", (4, 4)), "a.qweight": ("I32", (4, 4))})
    assert unpack(whole, None).tensors is whole.tensors


def test_what_is_not_packed_are_the_same_objects() -> None:
    whole = checkpoint({"norm.weight": ("BF16", (4,)), "a.weight": ("F8_E4M3", (4, 4)), "position_ids": ("I64", (1, 8))})
    found = unpack(whole, Quantization.parse(FP8))
    assert found.tensors[0] is whole.tensors[0]
    assert found.tensors[2] is whole.tensors[2]
    assert found.tensors[1].dtype.name == "fp8-8bit"


class TestScales:
    def test_deepseek_v3(self) -> None:
        found = unpacked({"a.weight": ("F8_E4M3", (256, 384)), "a.weight_scale_inv": ("F32", (2, 3))}, FP8)
        assert shapes(found) == {"a.weight": (256, 384)}

    def test_fused_experts(self) -> None:
        stored: Table = {
            "experts.down_proj": ("F8_E4M3", (4, 128, 256)), "experts.down_proj_scale_inv": ("F32", (4, 1, 2)),
            "experts.down_proj_activation_scale": ("F32", (4,)), "experts.bias": ("BF16", (4, 128)),
        }  # fmt: skip
        assert shapes(unpacked(stored, FP8)) == {"experts.down_proj": (4, 128, 256), "experts.bias": (4, 128)}

    def test_experts_of_deepseek_v4_hold_two_values_in_a_byte(self) -> None:
        stored: Table = {
            "layers.3.ffn.experts.0.w1.weight": ("I8", (64, 128)),
            "layers.3.ffn.experts.0.w1.scale": ("F8_E8M0", (64, 8)),
            "layers.3.ffn.shared_experts.w1.weight": ("F8_E4M3", (64, 256)),
            "layers.3.ffn.shared_experts.w1.scale": ("F8_E8M0", (1, 2)),
            "layers.0.ffn.gate.tid2eid": ("I32", (100, 6)),
            "layers.3.attn.norm.scale": ("BF16", (8,)),
        }
        found = unpack(checkpoint(stored), Quantization.parse(FP8, fp4_experts=True))
        assert found.reason is None
        assert parameters(found.tensors) == 64 * 256 * 2 + 8
        assert [one.dtype.name for one in found.tensors[:2]] == ["fp8-4bit", "fp8-8bit"]

    @pytest.mark.parametrize(
        ("weight", "scale", "expected"),
        [
            (("U8", (64, 128)), ("F8_E4M3", (64, 16)), (64, 256)),  # NVFP4
            (("U8", (32, 256)), ("BF16", (64, 2)), (64, 256)),  # INT4 AWQ, packed along the output
            (("I8", (64, 256)), ("F32", (64,)), (64, 256)),  # SmoothQuant
            (("F8_E4M3", (64, 256)), ("F32", ()), (64, 256)),
            (("U8", (4, 32, 128)), ("F8_E4M3", (4, 32, 16)), (4, 32, 256)),
        ],
    )
    def test_modelopt(self, weight: tuple, scale: tuple, expected: tuple) -> None:
        quantization = Quantization.parse_modelopt({"quantization": {"quant_algo": "MIXED_PRECISION", "group_size": 16}})
        stored: Table = {
            "a.q_proj.input_scale": ("F32", ()), "a.q_proj.weight": weight, "a.q_proj.weight_scale": scale,
            "a.q_proj.weight_scale_2": ("F32", ()), "a.k_proj.k_scale": ("F32", (1,)), "a.k_proj.weight": ("BF16", (8, 8)),
        }  # fmt: skip
        found = unpack(checkpoint(stored), quantization)
        assert found.reason is None
        assert shapes(found)["a.q_proj.weight"] == expected
        assert next(one for one in found.tensors if one.name == "a.k_proj.k_scale").buffer

    @pytest.mark.parametrize("scale", [("BF16", (64, 7)), ("BF16", ()), None])
    def test_bytes_that_no_scale_explains_are_no_number(self, scale: tuple | None) -> None:
        stored: dict = {"a.weight": ("U8", (64, 128))}
        if scale is not None:
            stored["a.weight_scale"] = scale
        found = unpacked(stored, {"quant_method": "modelopt", "quant_algo": "NVFP4"})
        assert "a.weight" in (found.reason or "")


class TestMlx:
    CONFIG = Quantization.parse_mlx({"group_size": 64, "bits": 4, "lm_head": {"group_size": 64, "bits": 8}, "norm": False})

    @pytest.mark.parametrize(("name", "bits"), [("model.embed_tokens", 4), ("lm_head", 8)])
    def test_affine(self, name: str, bits: int) -> None:
        stored: Table = {
            f"{name}.biases": ("BF16", (32, 4)), f"{name}.scales": ("BF16", (32, 4)), f"{name}.weight": ("U32", (32, 8 * bits)),
            f"{name}.bias": ("BF16", (32,)),
        }  # fmt: skip
        found = unpack(checkpoint(stored), self.CONFIG)
        assert shapes(found) == {f"{name}.weight": (32, 256), f"{name}.bias": (32,)}
        assert found.tensors[0].dtype.name == f"mlx-{bits}bit"

    def test_a_layer_that_its_override_contradicts_is_no_number(self) -> None:
        stored: Table = {"lm_head.scales": ("BF16", (32, 4)), "lm_head.weight": ("U32", (32, 32))}
        assert "8 bits in groups of 64" in (unpack(checkpoint(stored), self.CONFIG).reason or "")

    def test_stacked_experts_in_mxfp4(self) -> None:
        quantization = Quantization.parse_mlx({"group_size": 32, "bits": 4, "mode": "mxfp4"})
        stored: Table = {"experts.w.weight": ("U32", (8, 32, 16)), "experts.w.scales": ("U8", (8, 32, 4))}
        assert shapes(unpack(checkpoint(stored), quantization)) == {"experts.w.weight": (8, 32, 128)}


MIXED: Table = {"l.0.down_proj.weight_packed": ("I32", (64, 32)), "l.0.down_proj.weight_scale": ("BF16", (64, 2))}


class TestMixedGroups:
    def test_shapes_tell_which_group(self) -> None:
        config = {**CT, "config_groups": {"a": group(4, 128, "Linear"), "b": group(8, 128, "re:.*down_proj")}}
        stored: Table = {
            "l.0.up_proj.weight_packed": ("I32", (64, 32)), "l.0.up_proj.weight_scale": ("BF16", (64, 2)),
            "l.0.down_proj.weight_packed": ("I32", (64, 64)), "l.0.down_proj.weight_scale": ("BF16", (64, 2)),
        }  # fmt: skip
        found = unpacked(stored, config)
        assert shapes(found) == {"l.0.up_proj.weight": (64, 256), "l.0.down_proj.weight": (64, 256)}
        assert [one.dtype.name for one in found.tensors] == ["compressed-tensors-4bit", "compressed-tensors-8bit"]

    def test_targets_tell_where_shapes_do_not(self) -> None:
        config = {**CT, "config_groups": {"a": group(4, 128, "Linear"), "b": group(8, 64, "re:.*down_proj")}}
        assert shapes(unpacked(MIXED, config)) == {"l.0.down_proj.weight": (64, 128)}
        named = {**CT, "config_groups": {"a": group(4, 128, "l.0.down_proj"), "b": group(8, 64, "Linear")}}
        assert shapes(unpacked(MIXED, named)) == {"l.0.down_proj.weight": (64, 256)}

    def test_two_that_fit_alike_are_no_number(self) -> None:
        config = {**CT, "config_groups": {"a": group(4, 128, "Linear"), "b": group(8, 64, "Linear")}}
        assert "4 bits in groups of 128 or 8 bits in groups of 64" in (unpacked(MIXED, config).reason or "")

    def test_too_many_schemes_are_not_tried(self) -> None:
        config = {**CT, "config_groups": {str(size): group(4, size, "Linear") for size in range(1, 50)}}
        assert unpacked(MIXED, config).reason is not None

    @pytest.mark.parametrize("columns", [12, 13])
    def test_three_bits_with_and_without_gaps(self, columns: int) -> None:
        stored: Table = {
            "a.weight_packed": ("I32", (8, columns)),
            "a.weight_scale": ("BF16", (8, 4)),
            "a.weight_g_idx": ("I32", (128,)),
        }
        found = unpacked(stored, {**CT, "config_groups": {"a": group(3, 32, "Linear")}})
        assert shapes(found) == {"a.weight": (8, 128)}

    def test_an_order_of_another_length_is_no_number(self) -> None:
        stored: Table = {
            "a.weight_packed": ("I32", (8, 16)),
            "a.weight_scale": ("BF16", (8, 4)),
            "a.weight_g_idx": ("I32", (64,)),
        }
        assert unpacked(stored, {**CT, "config_groups": {"a": group(4, 32, "Linear")}}).reason is not None


class TestUnknown:
    @pytest.mark.parametrize("method", ["vptq", "spqr", "quark", "x" * 500, "an unnamed method"])
    def test_a_method_without_a_layout(self, method: str) -> None:
        whole = checkpoint({"a.indices": ("I32", (4, 4))})
        found = unpack(whole, Quantization.parse({"quant_method": method}))
        assert found.tensors is whole.tensors
        assert "does not know" in (found.reason or "")

    @pytest.mark.parametrize("bits", [2, 8])
    def test_a_config_that_the_shapes_contradict(self, bits: int) -> None:
        stored: Table = {
            "a.qweight": ("I32", (16, 64)), "a.qzeros": ("I32", (1, 8)), "a.scales": ("F16", (1, 64)), "a.g_idx": ("I32", (128,)),
        }  # fmt: skip
        assert shapes(unpacked(stored, {"quant_method": "gptq", "bits": 4, "group_size": 128})) == {"a.weight": (64, 128)}
        found = unpacked(stored, {"quant_method": "gptq", "bits": bits, "group_size": 128})
        assert f"{bits} bits" in (found.reason or "")

    def test_stored_twice(self) -> None:
        stored: Table = {"a.qweight": ("I32", (16, 64)), "a.scales": ("F16", (1, 64)), "a.weight": ("F16", (64, 128))}
        assert "stored twice" in (unpacked(stored, {"quant_method": "gptq", "bits": 4}).reason or "")

    @pytest.mark.parametrize("method", sorted(LAYOUTS))
    def test_words_that_no_layout_explains(self, method: str) -> None:
        found = unpacked({"a.bitmask": ("U8", (16, 64))}, {"quant_method": method, "bits": 4, "group_size": 32})
        assert found.reason is not None

    def test_a_declaration_without_packed_weights_is_told(self) -> None:
        found = unpacked({"a.weight": ("BF16", (8, 8)), "a.weight_scale": ("F32", (8, 1))}, CT)
        assert (found.reason, [note.code for note in found.notes]) == (None, ["quantized-in-name"])
        assert parameters(found.tensors) == 64

    @pytest.mark.parametrize(
        "said", ["{", "[]", '{"_data": 3}', '{"_data": {"shape": [-1], "block_size": [1, 0]}}', "x" * 200_000]
    )
    def test_metadata_of_strangers(self, said: str) -> None:
        stored: Table = {"a._weight_qdata": ("U8", (8, 8)), "a._weight_scale": ("BF16", (8, 1))}
        assert unpacked(stored, {"quant_method": "torchao"}, {"a.weight": said}).reason is not None

    def test_torchao_tells_the_shape_of_packed_data(self) -> None:
        stored: Table = {
            "a._weight_qdata": ("U8", (8, 64)),
            "a._weight_scale": ("BF16", (4, 8)),
            "a._weight_zero_point": ("BF16", (4, 8)),
        }
        said = json.dumps({"_type": "Int4Tensor", "_data": {"block_size": [1, 32]}})
        assert shapes(unpacked(stored, {"quant_method": "torchao"}, {"a.weight": said})) == {"a.weight": (8, 128)}


ROLES = sorted(
    {name.rpartition(".")[2] for _, case in cases() for name in case["stored"]} | {"weight_blocks", "x_scales", "absmax"}
)
DTYPES = st.sampled_from(["U8", "I8", "I16", "I32", "U32", "BF16", "F32", "F8_E4M3", "F8_E8M0", "I64"])
NAMES = st.builds("{}{}".format, st.sampled_from(["", "a.", "a.b.", "a.weight.", "a.weight._data."]), st.sampled_from(ROLES))
SHAPES = st.lists(st.sampled_from([0, 1, 2, 4, 8, 16, 32, 128]), max_size=4).map(tuple)


@given(
    method=st.sampled_from([*sorted(LAYOUTS), "unheard-of"]),
    stored=st.dictionaries(NAMES, st.tuples(DTYPES, SHAPES), max_size=8),
    settings=st.dictionaries(
        st.sampled_from(["bits", "group_size", "format", "expert_dtype"]), st.one_of(st.integers(-1, 9), st.just("fp4"))
    ),
)
def test_no_byte_is_lost_and_nothing_raises(method: str, stored: Table, settings: Mapping[str, object]) -> None:
    found = unpacked(stored, {**settings, "quant_method": method})
    if found.reason is not None:
        assert shapes(found) == {name: tuple(shape) for name, (_, shape) in stored.items()}
    assert all(one.elements >= 0 for one in found.tensors)
    assert not any(is_buffer(one) for one in found.tensors if one.dtype.name.startswith(method))


def test_weights_that_are_stored_alike_are_worked_out_once() -> None:
    asked: list[str] = []

    def counting(weight: Stored, main: TensorInfo) -> Logical | Hidden | None:
        asked.append(weight.name)
        return SCALED.unpack(weight, main)

    quantization = Quantization.parse({"quant_method": "fp8"})
    answers = Answers(replace(SCALED, unpack=counting), quantization, Schemes(quantization), {})
    for number in range(500):
        name = f"model.layers.0.experts.{number}.weight"
        members = {"": tensor(name, (256, 128), "F8_E4M3"), "_scale_inv": tensor(f"{name}_scale_inv", (2, 1), "F32")}
        found = answers.of(name, members)
        assert isinstance(found, Answer)
        assert found.shape == (256, 128)
    assert len(asked) == 1
