"""What fits: dtypes, the largest context and batch, devices."""

from dataclasses import replace

import pytest

from memscan.bills import Answer, estimate_inference, inference_bill, workload_of
from memscan.devices import builtin, parse_device
from memscan.errors import UsageError
from memscan.estimate import estimate_weights
from memscan.fit import COMMON, fit, what_fits
from tests.bills.models import LLAMA, MIXTRAL, report_of
from tests.estimate.fixtures import load


def llama():
    return estimate_weights(load("meta-llama/Llama-3.1-8B"), dtypes=None, scope="auto")


def test_one_token_more_does_not_fit():
    report = llama()
    for row in what_fits(report, device="rtx-4090", context=4096).rows:
        usable = row.device.usable_bytes
        for name, found in (("context", row.context), ("batch", row.batch)):
            if not found.number or found.bounded:
                continue
            words = {"dtype": row.dtype, "device": "rtx-4090", "context": 4096}
            inside = estimate_inference(report, **{**words, name: found.number})
            beyond = estimate_inference(report, **{**words, name: found.number + 1})
            assert inside.peak.nbytes <= usable < beyond.peak.nbytes, (row.dtype, name)


def test_the_rows_are_what_the_engine_loads():
    def dtypes(**words):
        return [row.dtype for row in what_fits(llama(), device="24GiB", **words).rows]

    assert dtypes() == ["bfloat16", "bnb-int8", "bnb-nf4-dq"]
    assert dtypes(engine="vllm") == ["bfloat16", "fp8", "int4-g128"]
    assert dtypes(engine="llama.cpp")[1:3] == ["Q8_0", "Q6_K"]
    assert dtypes(dtypes=["float16"]) == ["float16"]


def test_a_dtype_is_spelt_in_either_place_as_elsewhere():
    def dtypes(**words):
        return [row.dtype for row in what_fits(llama(), device="24GiB", **words).rows]

    assert dtypes(dtypes=("bf16", "fp16", "bfloat16")) == ["bfloat16", "float16"]
    assert dtypes(dtypes="bfloat16") == dtypes(dtypes="bf16") == ["bfloat16"]
    assert dtypes(dtype="bnb-nf4") == ["bnb-nf4"]
    assert dtypes(dtype="bf16") == ["bfloat16"]
    with pytest.raises(UsageError, match="'foo' is not a dtype; expected one of float64, float32, "):
        dtypes(dtypes=("foo",))
    with pytest.raises(UsageError, match="dtype and dtypes both say"):
        dtypes(dtype="bnb-nf4", dtypes=("fp16",))


def test_what_does_not_fit_says_so():
    row = what_fits(llama(), device="8GiB").rows[0]
    assert (row.answer, row.context.number, row.batch.number) == (Answer.NO, 0, 0)


def test_experts_on_the_cpu_do_not_leave_the_memory_of_a_mac():
    words = {"context": 4096, "engine": "llama.cpp", "dtypes": ["Q8_0"], "offload_experts": True}
    (apart,) = what_fits(report_of(MIXTRAL), device="24GiB", **words).rows
    (shared,) = what_fits(report_of(MIXTRAL), device="m4-pro-24gb", **words).rows
    assert (apart.answer, shared.answer, shared.context.number) == (Answer.FITS, Answer.NO, 0)


def test_the_model_bounds_its_context():
    row = what_fits(llama(), device="b200").rows[0]
    assert (row.context.number, row.context.bounded) == (131_072, True)


@pytest.mark.parametrize("engine", ["transformers", "vllm"])
def test_each_device_is_answered_as_if_it_were_the_only_one(engine):
    report, workload = llama(), workload_of(context=4096, engine=engine)
    devices = [*(builtin().named(name) for name in COMMON), parse_device("cpu:32GiB", builtin()).device]
    together = fit(report, workload, devices, dtypes=(None, "bnb-int8" if engine == "transformers" else "fp8"), largest=False)
    for row in together.rows:
        dtype = None if row.dtype == "bfloat16" else row.dtype
        alone = inference_bill(report, replace(workload, dtype=dtype), row.device)
        assert (row.nbytes, row.answer) == (alone.peak.nbytes, alone.verdict.answer), (row.device.name, row.dtype)
        assert (row.context, row.batch) == (None, None)


def test_without_a_device_there_are_the_common_ones():
    found = what_fits(llama())
    assert list(dict.fromkeys(row.device.name for row in found.rows)) == list(COMMON)


def test_a_dtype_that_is_not_known_of_a_model_is_a_note():
    report = estimate_weights(load("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16"), dtypes=None, scope="auto")
    assert what_fits(report, device="24GiB").rows[0].dtype == "as stored"


def test_what_is_not_known_is_not_said_to_fit():
    values = {**LLAMA, "layer_types": ["full_attention"] * 31 + ["a_new_one"]}
    row = what_fits(report_of(values), device="80GiB", dtypes=["bfloat16"]).rows[0]
    assert row.answer is Answer.UNKNOWN
    assert row.context is None
    assert row.batch is None


def test_a_workload_that_makes_no_sense_is_an_error():
    with pytest.raises(UsageError, match="--tp 3 does not divide"):
        what_fits(llama(), tp=3)
