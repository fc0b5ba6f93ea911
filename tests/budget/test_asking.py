"""What a budget asks, out of plain words."""

import pytest

from memscan.bills import Recipe, Workload
from memscan.budget.asking import asked
from memscan.devices import builtin
from memscan.errors import UsageError


def of(**words):
    return asked({"target": "a/b", **{name.replace("_", "-"): value for name, value in words.items()}}, builtin())


def test_a_limit_is_a_size_or_what_can_be_used_of_a_device():
    assert of(max_memory="24GB").limit.nbytes == 24 * 10**9
    assert of(max_memory="24GiB").limit.nbytes == 24 << 30
    device = of(device="h100")
    assert device.limit.nbytes == builtin().named("h100").usable_bytes
    assert "79.11 GiB usable" in device.limit.stated


def test_weights_may_use_all_devices_and_work_is_weighed_against_one():
    one = builtin().named("h100").usable_bytes
    assert of(device="4xh100").limit.nbytes == 4 * one
    shared = of(device="4xh100", what="inference")
    assert (shared.limit.nbytes, shared.count) == (one, 4)
    assert "usable each" in shared.limit.stated


def test_work_is_of_the_words_of_the_command_line():
    assert of(max_memory="1GB", what="inference", context=64, tp=2, cuda_context="1GiB").work == Workload(
        context=64, cuda_context=1 << 30, degrees=of(max_memory="1GB", what="inference", tp=2).work.degrees
    )
    assert of(max_memory="1GB", what="training", gpus=4, zero=2).work == Recipe(gpus=4, zero=2)
    assert of(max_memory="1GB").work is None


def test_words_of_a_scan_are_kept_for_it():
    found = of(max_memory="1GB", revision="v1", library_name="timm", scope="base")
    assert found.scan == {"revision": "v1", "library": "timm", "scope": "base"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "a/b: no limit is given; say --max-memory 24GB or --device h100"),
        ({"max_memory": "24"}, None),
        ({"max_memory": "24G"}, "has two meanings"),
        ({"max_memory": "1GB", "device": "h100"}, "are two limits; give one"),
        ({"max_memory": "1GB", "what": "all"}, "'all' is nothing that can be checked; expected one of total, "),
        ({"max_memory": "1GB", "unknown": "ignore"}, "unknown is 'ignore', expected fail or warn"),
        ({"max_memory": "1GB", "context": 8}, "--context is of --what inference, not of total"),
        ({"max_memory": "1GB", "batch": 8}, "--batch is of --what inference or training, not of total"),
        ({"max_memory": "1GB", "what": "inference", "zero": 1}, "--zero is of --what training, not of inference"),
        ({"max_memory": "1GB", "what": "training", "dtype": "bf16"}, "--dtype is not of --what training; give --precision"),
        ({"baseline": "x"}, "baseline and max-growth belong together"),
        ({"max_growth": "5%"}, "baseline and max-growth belong together"),
        ({"max_memory": "1GB", "dtype": "bf61"}, "'bf61' is not a dtype"),
        ({"device": "h101"}, "no device is called 'h101'"),
        ({"max_memory": "1GB", "what": "training", "optimizer": "adam"}, "--optimizer is 'adam'"),
    ],
)
def test_words_that_make_no_sense_are_an_error(words, message):
    if message is None:
        assert of(**words).limit.nbytes == 24
        return
    with pytest.raises(UsageError, match=message):
        of(**words)
