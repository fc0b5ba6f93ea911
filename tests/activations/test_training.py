"""The lines of a step of training."""

import pytest

from memscan.activations import END, Adapter, Pass, training
from memscan.architecture.settings import Settings
from memscan.errors import UsageError
from memscan.item import Basis
from tests.activations.test_forward import LLAMA, settings, summed

ONE = Pass(tokens=2048, sequences=2)
TOKENS = 2 * 2048


def lines(step, phase: str) -> dict[str, int]:
    return {item.name: item.nbytes for item in step.items if phase in item.phases}


def test_layers_keep_what_the_library_s_graph_keeps():
    # transformers' own graph in bfloat16: of every token and layer 16h for two norms, 4h of queries and outputs, keys and values,
    # 8 intermediate sizes, 8 bytes of norms, and a float32 for each head. What is kept once is left out by the difference.
    few, many = (
        training(settings(num_hidden_layers=count), None, ONE, precision="bf16", checkpointing=False) for count in (10, 11)
    )
    layer = lines(many, "forward")["activations"] - lines(few, "forward")["activations"]
    assert layer == TOKENS * (16 * 4096 + 4 * 4096 + 4 * 1024 + 8 * 14336 + 8 + 4 * 32)


def test_checkpointed_layers_keep_their_input():
    few, many = (
        training(settings(num_hidden_layers=count), None, ONE, precision="bf16", checkpointing=True) for count in (10, 11)
    )
    assert lines(many, "forward")["activations"] - lines(few, "forward")["activations"] == TOKENS * 2 * 4096


def test_the_loss_takes_twelve_bytes_a_logit():
    step = training(settings(), None, ONE, precision="bf16", checkpointing=True)
    assert lines(step, "backward")["logits and loss"] == 12 * TOKENS * 128256


def test_gradients_have_not_begun_with_the_loss_and_are_nearly_all_there_at_the_end():
    step = training(settings(), None, Pass(tokens=128, sequences=1), precision="bf16", checkpointing=True)
    assert step.gradients["forward"] == step.gradients["backward"] == 0
    assert 0.9 < step.gradients[END] <= 1


@pytest.mark.parametrize("precision", ["fp32", "bf16", "bf16-mixed", "fp16-mixed"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_formulas_give_their_bytes(precision: str, checkpointing: bool):
    step = training(settings(), None, Pass(tokens=100, sequences=2), precision=precision, checkpointing=checkpointing)
    made = [item for item in step.items if "cast" not in item.name]
    assert [summed(item.formula) for item in made] == [item.nbytes for item in made]


def test_autocast_holds_two_bytes_of_every_weight_of_a_product():
    step = training(settings(), None, ONE, precision="bf16-mixed", checkpointing=False)
    layer = 4096 * (4096 + 2 * 1024 + 4096) + 3 * 4096 * 14336
    assert lines(step, "forward")["weights cast for matrix products"] == 2 * (32 * layer + 4096 * 128256)


def test_adapters_leave_the_inputs_of_frozen_layers():
    whole = training(settings(), None, ONE, precision="bf16", checkpointing=False)
    some = training(
        settings(), None, ONE, precision="bf16", checkpointing=False, adapter=Adapter(rank=16, targets=frozenset({"q_proj"}))
    )
    assert lines(some, "forward")["activations"] < 0.8 * lines(whole, "forward")["activations"]


def test_a_thousand_layers_are_a_thousand_times_one():
    one, ten = (
        lines(training(settings(num_hidden_layers=count), None, ONE, precision="bf16", checkpointing=False), "forward")[
            "activations"
        ]
        for count in (100, 1000)
    )
    assert ten == pytest.approx(10 * one, rel=0.01)


def test_an_unknown_type_is_assumed_and_one_without_sizes_unknown():
    step = training(Settings("nova", {**LLAMA, "rms_norm_eps": 1}), None, ONE, precision="bf16", checkpointing=False)
    assert {item.basis for item in step.items} == {Basis.ASSUMED}
    step = training(Settings("nova", {"rms_norm_eps": 1}), None, ONE, precision="bf16", checkpointing=False)
    assert [(item.nbytes, item.basis) for item in step.items] == [(None, Basis.UNKNOWN)]
    assert set(step.gradients) == {"forward", "backward", END}


def test_a_precision_that_is_none_is_refused():
    with pytest.raises(UsageError, match="int4 is no precision"):
        training(settings(), None, ONE, precision="int4", checkpointing=False)
