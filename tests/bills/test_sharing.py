"""What devices and the CPU hold of a training step that is shared or offloaded."""

import pytest

from memscan.adapters import lora_setting
from memscan.bills import Answer, Recipe, on_devices, training_bill
from memscan.devices import builtin, parse_device
from memscan.errors import UsageError
from memscan.estimate import estimate_weights
from memscan.units import iec_bytes
from tests.bills.models import report_of
from tests.bills.steps import SMALL, bill, lines, parameters
from tests.estimate.fixtures import load


@pytest.mark.parametrize(("stage", "whole"), [(1, ("weights", "gradients")), (2, ("weights",)), (3, ())])
def test_each_stage_shares_more(stage, whole):
    alone, shared = lines(bill(precision="bf16-mixed", zero=stage)), lines(bill(precision="bf16-mixed", zero=stage, gpus=8))
    for name in ("weights", "gradients", "master weights", "optimizer states"):
        part = 1 if name in whole else 8
        # Parameters below 100,000 elements stay whole on every device in stage 3.
        assert shared[name].nbytes == pytest.approx(alone[name].nbytes / part, rel=0.02 if stage < 3 else 2.0), name
    assert ("gathered weights" in shared) == (stage == 3)


def test_fsdp_is_the_stage_that_it_equals():
    for strategy, stage in (("no-shard", 0), ("shard-grad-op", 2), ("full-shard", 3)):
        assert Recipe(fsdp=strategy).stage == stage
    assert Recipe(fsdp="hybrid-shard", gpus=16).shards == 8
    assert "FSDP" in bill(fsdp="full-shard", gpus=4).rule
    assert "gathered weights" in lines(bill(fsdp="full-shard", gpus=4))


@pytest.mark.parametrize(
    ("gpus", "per_node", "shards"), [(1, 8, 1), (2, 8, 2), (1, None, 1), (4, None, 4), (16, None, 8), (16, 4, 4), (12, 4, 4)]
)
def test_a_node_has_no_more_devices_than_there_are(gpus, per_node, shards):
    recipe = Recipe(fsdp="hybrid-shard", gpus=gpus, gpus_per_node=per_node)
    recipe.check()
    assert (recipe.node, recipe.shards) == (shards, shards)


def test_one_device_of_a_large_node_holds_all():
    alone = lines(bill(fsdp="hybrid-shard", gpus_per_node=8))
    assert alone["weights"].nbytes == 2 * parameters()
    assert alone == lines(bill(fsdp="hybrid-shard", gpus=1))
    two = lines(bill(fsdp="hybrid-shard", gpus=2, gpus_per_node=8))
    assert two == lines(bill(fsdp="full-shard", gpus=2))
    assert two["weights"].nbytes == parameters()


def test_the_memory_of_a_node_is_of_the_devices_that_there_are():
    found = bill(zero=3, gpus=2, offload="params", gpus_per_node=8)
    (fact,) = [fact for fact in found.facts if "CPU memory" in fact]
    assert fact == f"CPU memory of a node of 2 devices: {iec_bytes(2 * sum(item.nbytes for item in found.host))}"


def test_what_is_offloaded_is_memory_of_the_cpu():
    found = bill(precision="bf16-mixed", zero=3, gpus=4, offload="params", gpus_per_node=2)
    names = {item.name for item in found.host}
    assert {"weights", "master weights", "optimizer states"} <= names
    assert any("CPU memory of a node of 2 devices" in fact for fact in found.facts)
    on_device = lines(found)
    assert "optimizer states" not in on_device
    assert "master weights" not in on_device


def on(word, **recipe):
    return training_bill(report_of(SMALL), Recipe(**{"seq": 32, **recipe}), parse_device(word, builtin()).device)


@pytest.mark.parametrize(("word", "cuda"), [("cpu:64GiB", False), ("m4-max-128gb", False), ("jetson-thor", True)])
@pytest.mark.parametrize(
    ("sharing", "offload"), [({"zero": 2}, "optimizer"), ({"zero": 3}, "params"), ({"fsdp": "full-shard"}, "params")]
)
def test_what_is_offloaded_stays_where_the_memory_is_that_of_the_cpu(word, cuda, sharing, offload):
    elsewhere, here = bill(offload=offload, **sharing), on(word, offload=offload, **sharing)
    moved = {f"{item.name}: offloaded": item.nbytes for item in elsewhere.host}
    assert moved
    assert {item.name: item.nbytes for item in here.items if item.name.endswith(": offloaded")} == moved
    assert here.host == ()
    assert not any("CPU memory" in fact for fact in here.facts)
    assert any(f"--offload {offload} makes no room" in note.message for note in here.notes)
    driver = sum(item.nbytes for item in elsewhere.items if item.name in {"CUDA context", "fragmentation"})
    assert here.peak.nbytes == elsewhere.peak.nbytes + sum(moved.values()) - (0 if cuda else driver)


def test_what_is_offloaded_counts_against_a_device_whose_memory_is_that_of_the_cpu():
    report = estimate_weights(load("meta-llama/Llama-3.1-8B"), dtypes=None, scope="auto")

    def answer(word):
        device = parse_device(word, builtin()).device
        return training_bill(report, Recipe(seq=512, zero=2, offload="optimizer"), device).verdict.answer

    assert (answer("64GiB"), answer("cpu:64GiB"), answer("cpu:256GiB")) == (Answer.FITS, Answer.NO, Answer.FITS)
    assert answer("m4-max-64gb") == Answer.NO


@pytest.mark.parametrize(
    ("word", "cuda"),
    [("cpu:64GiB", False), ("m4-max-128gb", False), ("64GiB", True), ("h100", True), ("mi300x", True), ("jetson-thor", True)],
)
def test_neither_a_processor_nor_an_apple_has_cuda(word, cuda):
    names = {item.name for item in on(word).items}
    assert ("CUDA context" in names, "fragmentation" in names) == (cuda, cuda)
    assert ("CUDA context and NCCL" in {item.name for item in on(word, gpus=2).items}) == cuda


@pytest.mark.parametrize("sharing", [{"fsdp": "shard-grad-op"}, {"fsdp": "full-shard"}, {"zero": 3}])
@pytest.mark.parametrize("qlora", ["nf4", "int8"])
def test_what_is_quantized_is_gathered_as_it_is_held(sharing, qlora):
    report = estimate_weights(load("meta-llama/Llama-3.1-8B"), dtypes=None, scope="auto")
    lora = lora_setting("r=16,targets=all-linear")
    adapters, layers, root = 41_943_040, 32, 2 * 128256 * 4096 + 4096
    linear = 2 * 4096 * 4096 + 2 * 1024 * 4096 + 3 * 14336 * 4096
    rows = 4096 + 1024 + 1024 + 4096 + 14336 + 14336 + 4096
    # An absolute maximum in float32: nf4 has one for 64 values, int8 for a row; nf4 has a code of 16 values for each layer too.
    packed = linear // 2 + linear // 64 * 4 + 7 * 16 * 4 if qlora == "nf4" else linear + 4 * rows
    block = packed + 2 * (2 * 4096 + adapters // layers)
    everything = layers * block + 2 * root
    fetched = lines(training_bill(report, Recipe(seq=32, lora=lora, qlora=qlora, gpus=2, **sharing)))["gathered weights"]
    expected = {"shard-grad-op": everything, "full-shard": 2 * block + 2 * root, 3: max(2 * block, 2 * root)}
    assert fetched.nbytes == expected[next(iter(sharing.values()))]
    alone = lines(training_bill(report, Recipe(seq=32, lora=lora, qlora=qlora)))
    assert fetched.high <= alone["frozen weights"].nbytes + alone["adapters"].nbytes


def test_what_is_frozen_and_dense_is_gathered_in_the_dtype_of_the_computation():
    recipe = {"lora": lora_setting("r=8,targets=q_proj,v_proj"), "fsdp": "shard-grad-op", "gpus": 2}
    adapters = 3 * (8 * (256 + 256) + 8 * (256 + 128))
    for precision, size in (("bf16", 2), ("bf16-mixed", 2), ("fp32", 4)):
        assert lines(bill(precision=precision, **recipe))["gathered weights"].nbytes == size * (parameters() + adapters)


def test_devices_are_those_that_are_named():
    assert on_devices(Recipe(), 4).gpus == 4
    assert on_devices(Recipe(gpus=4), 1).gpus == on_devices(Recipe(gpus=4), 4).gpus == 4
    with pytest.raises(UsageError, match="--device names 4 devices, and --gpus asks for 2"):
        on_devices(Recipe(gpus=2), 4)


def test_a_node_is_of_the_devices_that_are_named():
    asked = Recipe(seq=32, gpus_per_node=4)
    asked.check()
    found = training_bill(report_of(SMALL), on_devices(asked, 8))
    assert found.items == bill(gpus=8).items
