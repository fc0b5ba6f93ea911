"""The bill of a training step."""

from dataclasses import replace

import pytest

from memscan.adapters import lora_setting
from memscan.bills import Recipe, moments, training_bill
from memscan.errors import UsageError
from memscan.estimate import estimate_weights
from memscan.item import Basis
from memscan.model import Part, Role
from tests.bills.models import MIXTRAL, report_of
from tests.bills.steps import SMALL, bill, lines, parameters
from tests.estimate.fixtures import load


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


def test_an_adapter_is_no_model_to_train():
    report = report_of(SMALL)
    part = Part(name="adapter", role=Role.ADAPTER, class_name="LORA", library="peft", checkpoint=report.model.checkpoint)
    with pytest.raises(UsageError, match="is an adapter: give its base model, and --lora"):
        training_bill(replace(report, model=replace(report.model, parts=(part,))), Recipe(seq=8))
