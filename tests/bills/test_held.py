"""Weights in the dtype that they are loaded in."""

from dataclasses import replace

import pytest

from memscan.bills import estimate_inference
from memscan.bills.held import held
from memscan.checkpoint import is_buffer
from memscan.errors import UsageError
from memscan.estimate import estimate_weights
from memscan.item import Basis
from tests.bills.models import LLAMA, report_of
from tests.estimate.fixtures import REPOSITORIES, load


@pytest.mark.parametrize("repository", REPOSITORIES)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bnb-nf4", "Q4_K_M"])
def test_the_bytes_are_those_of_the_table(repository, dtype):
    report = estimate_weights(load(repository), dtypes=[dtype], scope="auto")
    rows = {row.dtype: row.total_bytes for row in report.estimates}
    if dtype in rows:
        assert sum(tensor.nbytes for tensor in held(report, dtype).tensors) == rows[dtype]


def test_what_is_stored_is_measured():
    report = estimate_weights(load("meta-llama/Llama-3.1-8B"), dtypes=None, scope="auto")
    found = held(report, None)
    assert (found.dtype, found.computes, found.basis, found.packed) == ("bfloat16", "bfloat16", Basis.MEASURED, False)
    assert held(report, "bfloat16") == found
    assert held(report, "float32").basis is Basis.DERIVED


def test_packed_weights_are_worked_with_in_the_dtype_beside_them():
    report = estimate_weights(load("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16"), dtypes=None, scope="auto")
    found = held(report, None)
    assert (found.dtype, found.computes, found.packed) == ("as stored", "bfloat16", True)


@pytest.mark.parametrize(("declared", "loaded"), [("float32", "bfloat16"), ("float16", "float16")])
def test_vllm_holds_float32_in_16_bits_unless_it_is_asked_for(declared, loaded):
    whole = report_of(LLAMA, torch_dtype="float32")
    config = report_of(LLAMA, torch_dtype=declared).model.config
    report = replace(whole, model=replace(whole.model, config=config))
    found = held(report, None, "vllm")
    assert (found.dtype, found.computes, found.basis) == (loaded, loaded, Basis.DERIVED)
    assert "vLLM holds float32 weights in 16 bits" in found.note
    assert sum(one.nbytes for one in found.tensors if not is_buffer(one)) == 2 * 8_030_261_248
    assert held(report, "float32", "vllm") == held(report, None, "transformers") == held(report, None)
    assert held(report, "fp8", "vllm").computes == loaded
    assert held(report, "float32").computes == "float32"
    assert held(report_of(LLAMA), None, "vllm") == held(report_of(LLAMA), None)


def test_the_cache_of_vllm_follows_the_weights():
    whole, half = (report_of(LLAMA, torch_dtype=dtype) for dtype in ("float32", "bfloat16"))
    for words in ({}, {"dtype": "int4-g128"}):
        caches = [
            [item.nbytes for item in estimate_inference(report, engine="vllm", context=1024, **words).items if "KV" in item.name]
            for report in (whole, half)
        ]
        assert caches == [[1024 * 131_072]] * 2


def test_what_is_made_of_a_config_is_derived():
    assert held(report_of(LLAMA), None).basis is Basis.DERIVED


def test_packed_weights_of_an_unknown_number_cannot_be_cast():
    report = report_of(LLAMA)
    scope = report.scopes["declared"]
    hidden = replace(report, scopes={"declared": replace(scope, parameters=None, unknown="a packing that nobody knows")})
    with pytest.raises(UsageError, match=r"--dtype float16 is not known for packed weights .*: a packing that nobody knows"):
        held(hidden, "float16")
