"""The bill of a training step."""

from dataclasses import replace

import pytest

from memscan.adapters import lora_setting
from memscan.bills import Answer, Recipe, moments, on_devices, training_bill
from memscan.devices import builtin, parse_device
from memscan.errors import UsageError
from memscan.estimate import estimate_weights
from memscan.item import Basis
from memscan.model import Part, Role
from memscan.units import iec_bytes
from tests.bills.models import LLAMA, MIXTRAL, report_of
from tests.estimate.fixtures import load

SMALL = {**LLAMA, "hidden_size": 256, "intermediate_size": 512, "num_attention_heads": 4, "num_key_value_heads": 2,
         "num_hidden_layers": 3, "vocab_size": 1000, "max_position_embeddings": 512}  # fmt: skip


def bill(values=SMALL, **recipe):
    return training_bill(report_of(values), Recipe(**{"seq": 32, **recipe}))


def lines(found):
    return {item.name: item for item in found.items}


def parameters(values=SMALL):
    return report_of(values).scopes["declared"].parameters


def at(found, phase):
    return next(one.nbytes for one in moments(found.items) if one.phase == phase)


def test_the_classic_sixteen_bytes_a_parameter():
    count = parameters()
    found = lines(bill(precision="fp32", optimizer="adamw"))
    assert found["weights"].nbytes == found["gradients"].nbytes == 4 * count
    assert found["optimizer states"].nbytes == 8 * count + 4 * found_tensors()


def found_tensors():
    scope = report_of(SMALL).scopes["declared"]
    return sum(1 for tensor in scope.tensors if not tensor.buffer)  # a counter of steps for each


def test_sixteen_bits_are_half_of_all():
    found = lines(bill(precision="bf16"))
    count = parameters()
    assert (found["weights"].nbytes, found["gradients"].nbytes) == (2 * count, 2 * count)
    assert found["optimizer states"].nbytes == 4 * count + 4 * found_tensors()


def test_deepspeed_keeps_a_copy_in_float32():
    count = parameters()
    found = lines(bill(precision="bf16-mixed", zero=1, gpus=1))
    assert found["weights"].nbytes == pytest.approx(2 * count, abs=8)
    assert found["master weights"].nbytes == pytest.approx(4 * count, abs=8)
    assert found["optimizer states"].nbytes == pytest.approx(8 * count, abs=16)


def test_autocast_holds_casts_of_weights_while_the_graph_lives():
    found = bill(precision="bf16-mixed")
    casts = [item for item in found.items if item.name.startswith("weights cast")]
    assert casts
    assert all("step" not in item.phases for item in casts)
    assert max(item.nbytes for item in casts) <= 2 * parameters()


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


def test_adapters_are_trained_and_the_rest_is_frozen():
    found = bill(lora=lora_setting("r=8,targets=q_proj,v_proj"))
    adapters = 3 * (8 * (256 + 256) + 8 * (256 + 128))
    assert lines(found)["adapters"].nbytes == lines(found)["gradients"].nbytes == 4 * adapters
    assert lines(found)["frozen weights"].nbytes == 2 * parameters()
    assert f"{adapters:,} of {adapters + parameters():,}" in found.facts[0]


def test_a_qlora_quantizes_what_is_frozen():
    report = estimate_weights(load("meta-llama/Llama-3.1-8B"), dtypes=None, scope="auto")
    plain = lines(training_bill(report, Recipe(lora=lora_setting("r=8"))))
    packed = lines(training_bill(report, Recipe(lora=lora_setting("r=8"), qlora="nf4")))
    assert packed["frozen weights"].nbytes < plain["frozen weights"].nbytes
    # Embedding, head and norms: 2 bytes more for each of their values.
    widened = 2 * (2 * 128256 * 4096 + 65 * 4096)
    assert f"widened by peft by {widened:,} bytes" in packed["frozen weights"].formula
    buffer = packed["dequantization buffer"]
    assert buffer.nbytes == 14336 * 4096 * 2  # the largest that is packed: not the head
    assert "lm_head" not in buffer.note


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


def test_llama_31_8b_has_the_adapters_that_peft_counts():
    report = estimate_weights(load("meta-llama/Llama-3.1-8B"), dtypes=None, scope="auto")
    found = training_bill(report, Recipe(lora=lora_setting("r=16,targets=all-linear")))
    assert "41,943,040 of 8,072,204,288" in found.facts[0]  # peft's print_trainable_parameters


def test_an_adapter_on_packed_weights_leaves_them_as_they_are():
    report = estimate_weights(load("TheBloke/Llama-2-7B-GPTQ"), dtypes=None, scope="auto")
    found = training_bill(report, Recipe(lora=lora_setting("r=8,targets=q_proj,v_proj")))
    assert lines(found)["frozen weights"].nbytes < 5 << 30
    assert "4,194,304 of" in found.facts[0]


def test_gradients_are_made_in_the_backward_pass():
    found = bill(precision="fp32", batch=4)
    whole = lines(found)["gradients"].nbytes
    assert at(found, "step") >= whole
    forward = [item for item in found.items if "forward" in item.phases]
    assert not any("gradients" in item.name for item in forward)
    assert found.peak.nbytes == max(one.nbytes for one in moments(found.items))


def test_checkpointing_takes_less_and_a_longer_sequence_more():
    def peak(**recipe):
        return bill(precision="fp32", batch=8, **recipe).peak.nbytes

    assert peak(gradient_checkpointing=True, seq=512) < peak(seq=512)
    assert peak(seq=64) < peak(seq=128) < peak(seq=256)


def test_a_mixture_of_experts_says_what_is_active():
    assert any("8 experts, 2 active" in fact for fact in bill(MIXTRAL).facts)


def test_a_model_without_a_config_has_no_activations_and_says_so():
    report = estimate_weights(load("timm/resnet50.a1_in1k"), dtypes=None, scope="auto")
    found = training_bill(report, Recipe())
    (activations,) = [item for item in found.items if item.nbytes is None]
    assert (activations.name, activations.basis) == ("activations", Basis.UNKNOWN)
    assert activations.note


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"seq": 10_000}, "--seq 10000 is beyond the 512 tokens"),
        ({"batch": 0}, "--batch is 0, expected 1 to"),
        ({"allocator": -(10**12)}, "--allocator is -1,000,000,000,000 bytes, expected 0 or more"),
        ({"cuda_context": -1}, "--cuda-context is -1 bytes, expected 0 or more"),
        ({"optimizer": "adam"}, "--optimizer is 'adam', expected one of adamw, "),
        ({"precision": "fp8"}, "--precision is 'fp8', expected one of fp32, "),
        ({"qlora": "nf4"}, "--qlora quantizes weights under adapters: give --lora"),
        ({"zero": 2, "fsdp": "full-shard"}, "say the same in two ways"),
        ({"zero": 7}, "--zero is 7"),
        ({"offload": "params", "zero": 2}, "--offload params needs --zero 3"),
        ({"offload": "optimizer"}, "--offload optimizer needs --zero 1"),
        ({"gpus": 6, "gpus_per_node": 4}, "--gpus 6 is no multiple of --gpus-per-node 4"),
        ({"gpus_per_node": 4}, "--gpus-per-node says nothing of one device that shares nothing; give --gpus, and"),
        ({"gpus_per_node": 1, "zero": 0}, "--gpus-per-node says nothing of one device that shares nothing"),
        ({"gpus_per_node": 8, "fsdp": "no-shard"}, "--gpus-per-node says nothing of one device that shares nothing"),
        ({"gpus": 12, "fsdp": "hybrid-shard"}, "--gpus 12 is no multiple of the 8 devices .* give --gpus-per-node"),
        ({"gpus": 12, "fsdp": "hybrid-shard", "gpus_per_node": 8}, "--gpus 12 is no multiple of --gpus-per-node 8"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_an_error(recipe, message):
    with pytest.raises(UsageError, match=message):
        bill(**recipe)


def test_sizes_may_be_nothing():
    found = lines(bill(allocator=0, cuda_context=0))
    assert (found["fragmentation"].nbytes, found["CUDA context"].nbytes) == (0, 0)


def test_targets_that_match_nothing_are_an_error_that_lists_what_there_is():
    with pytest.raises(UsageError, match=r"(?s)nothing_proj.*q_proj"):
        bill(lora=lora_setting("r=8,targets=nothing_proj"))


def test_packed_weights_of_an_unknown_number_cannot_be_trained():
    report = report_of(SMALL)
    hidden = replace(report.scopes["declared"], parameters=None, unknown="a packing that nobody knows")
    with pytest.raises(UsageError, match="a packing that nobody knows"):
        training_bill(replace(report, scopes={"declared": hidden}), Recipe(seq=8))


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


def test_an_adapter_is_no_model_to_train():
    report = report_of(SMALL)
    part = Part(name="adapter", role=Role.ADAPTER, class_name="LORA", library="peft", checkpoint=report.model.checkpoint)
    with pytest.raises(UsageError, match="is an adapter: give its base model, and --lora"):
        training_bill(replace(report, model=replace(report.model, parts=(part,))), Recipe(seq=8))
