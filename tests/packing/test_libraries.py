"""Every layout as its library writes it, against the dense weights that the library was given."""

from collections.abc import Mapping
from math import prod

import pytest

from memscan.checkpoint import is_buffer
from memscan.packing.layouts import LAYOUTS
from tests.packing.packed import parameters, unpacked
from tests.packing.recorded import cases

CASES = dict(cases())
FLAT = ("bitsandbytes:nf4", "bitsandbytes:fp4", "bitsandbytes:nf4-nested", "hqq:", "quanto:int4", "quanto:int2")
WITHOUT_A_CHECK = {
    # One scale a channel: a wider weight is another weight, and as right.
    ("compressed_tensors:int4-channel", "weight_packed"),
    ("compressed_tensors:int8-channel", "weight_packed"),
    ("quanto:int8", "_data"),
    ("quanto:float8", "_data"),
    # The width of a group is not in the config.
    ("quanto:int4", "_data"),
    ("quanto:int2", "_data"),
}


def test_every_layout_has_a_record_or_a_published_header() -> None:
    recorded = {case["config"]["quant_method"] for case in CASES.values()}
    published = {"mlx", "mxfp4", "modelopt", "modelopt_fp4", "mxfp8", "intel/auto-round"}  # in test_published and test_unpack
    assert recorded | published == set(LAYOUTS)


@pytest.mark.parametrize("name", CASES)
def test_names_and_counts_are_those_of_the_dense_module(name: str) -> None:
    case: Mapping[str, Mapping] = CASES[name]
    found = unpacked(case["stored"], case["config"], case["metadata"])
    assert (found.reason, [note.code for note in found.notes if note.code != "packed-biases"]) == (None, [])
    dense = {one: tuple(shape) for one, (_, shape) in case["dense"].items()}
    assert {one.name: one.elements for one in found.tensors} == {one: prod(shape) for one, shape in dense.items()}
    assert parameters(found.tensors) == sum(map(prod, dense.values()))
    assert not any(is_buffer(one) for one in found.tensors)
    if not name.startswith(FLAT):
        assert {one.name: one.shape for one in found.tensors} == dense


@pytest.mark.parametrize("name", CASES)
def test_dtypes_tell_method_and_bits_of_what_is_packed(name: str) -> None:
    case: Mapping[str, Mapping] = CASES[name]
    found = unpacked(case["stored"], case["config"], case["metadata"])
    packed = {one.dtype.name for one in found.tensors if one.dtype.block_bytes == 0}
    assert len(packed) == 1
    method, _, bits = packed.pop().rpartition("-")
    assert method == case["config"]["quant_method"]
    assert bits in {"1bit", "2bit", "3bit", "4bit", "6bit", "8bit"}
    for one in found.tensors:
        if one.dtype.block_bytes:
            assert case["stored"][one.name] == [one.dtype.name, list(one.shape)]


@pytest.mark.parametrize("name", CASES)
def test_a_missing_scale_or_a_wrong_one_is_no_number(name: str) -> None:
    """Of each packed weight one tensor is changed at a time: the count stays right, or becomes unknown."""
    case: Mapping[str, Mapping] = CASES[name]
    right = parameters(unpacked(case["stored"], case["config"], case["metadata"]).tensors)
    dense = set(case["dense"])
    for changed, (dtype, shape) in case["stored"].items():
        if changed in dense or not shape:
            continue
        wrong = {**case["stored"], changed: [dtype, [*shape[:-1], shape[-1] + 3]]}
        found = unpacked(wrong, case["config"], case["metadata"])
        if found.reason is None and parameters(found.tensors) != right:
            assert (name, changed.rpartition(".")[2]) in WITHOUT_A_CHECK, (changed, shape)
