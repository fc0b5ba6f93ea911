"""The ledger, tensors of sizes alone, and the graph that is walked backward."""

import pytest

from memscan.activations.ledger import Kind, Ledger, Size
from memscan.activations.matrices import linear
from memscan.activations.pointwise import add, keeping_input, mul
from memscan.activations.stack import through
from memscan.activations.tape import Tape
from memscan.activations.tensor import Weight

TOKENS, WIDTH = Size("tokens", 100), Size("width", 10)
SHAPE = (TOKENS, WIDTH)
EACH = 100 * 10 * 4


def tape(**how: object) -> Tape:
    made = Tape(**{"gradients": True, "dropping": True, **how})
    made.ledger.enter("forward")
    return made


def weight(*, trained: bool = True) -> Weight:
    return Weight(shape=(WIDTH, WIDTH), itemsize=4, trained=trained)


def alive(ledger: Ledger) -> int:
    return ledger.live[Kind.ACTIVATIONS]


def test_bytes_go_with_the_last_reference():
    run = tape()
    one = run.new(SHAPE, 4)
    other = one.view()
    del one
    assert alive(run.ledger) == EACH
    del other
    assert alive(run.ledger) == 0
    assert run.ledger.peak("forward").nbytes == EACH


def test_a_frozen_layer_keeps_nothing_and_a_trained_one_its_input():
    for trained, kept in ((False, 0), (True, EACH)):
        run = tape()
        made = linear(run, run.new(SHAPE, 4), weight(trained=trained))
        assert alive(run.ledger) == EACH + kept
        assert made.node is None or trained


def test_without_gradients_nothing_is_kept():
    run = tape(gradients=False)
    made = keeping_input(run, linear(run, run.new(SHAPE, 4), weight()))
    assert alive(run.ledger) == EACH
    assert made.node is None


def test_backward_leaves_the_gradients_of_weights_alone():
    run = tape()
    one = weight()
    loss = keeping_input(run, linear(run, run.new(SHAPE, 4), one))
    run.backward(loss)
    del loss
    assert alive(run.ledger) == 0
    assert run.ledger.live[Kind.GRADIENTS] == 10 * 10 * 4
    assert one.gradient is not None


def test_the_gradient_of_a_weight_used_twice_is_one():
    run = tape()
    one = weight()
    hidden = linear(run, linear(run, run.new(SHAPE, 4), one), one)
    run.backward(hidden)
    assert run.ledger.live[Kind.GRADIENTS] == 10 * 10 * 4


def test_a_broadcast_gradient_is_summed():
    run = tape()
    scale = Weight(shape=(WIDTH,), itemsize=4, trained=True)
    run.backward(mul(run, scale, run.new(SHAPE, 4)))
    assert run.ledger.live[Kind.GRADIENTS] == 10 * 4


def _run(counts: list[int], **how: object) -> dict[str, object]:
    run = tape(**how)
    layers = []
    for count in counts:
        up, down = weight(), weight()

        def layer(one, up=up, down=down):
            return add(run, one, linear(run, keeping_input(run, linear(run, one, up)), down))

        layers.append((layer, count))
    run.want(start := run.new(SHAPE, 4))
    loss = through(run, layers, start)
    del start
    run.ledger.enter("backward")
    run.backward(loss)
    moments = [(phase, alone) for phase in ("forward", "backward") for alone in (False, True)]
    return {f"{phase} {alone}": run.ledger.peak(phase, alone=alone).kinds for phase, alone in moments}


@pytest.mark.parametrize(
    "how", [{}, {"checkpointing": True}, {"autocast": 2}, {"autocast": 2, "checkpointing": True}, {"counted": True}]
)
def test_a_repeated_layer_is_as_many(how: dict[str, object]):
    assert _run([1, 5, 1], **how) == _run([1] * 7, **how)


def test_checkpointing_keeps_the_inputs_alone():
    kept, whole = (_run([1, 8, 1], checkpointing=one)["forward True"][Kind.ACTIVATIONS] for one in (True, False))
    assert kept < whole / 2
