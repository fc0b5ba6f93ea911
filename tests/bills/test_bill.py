"""Sums of a bill: the maximum over its moments, ranges, what is not known, and verdicts."""

import pytest

from memscan.bills import Answer, in_order, moments, peak, verdict
from memscan.devices import builtin, parse_device
from memscan.item import Basis, Item


def item(nbytes, *phases, least=None, most=None):
    basis = Basis.UNKNOWN if nbytes is None else Basis.DERIVED if least is None else Basis.ASSUMED
    return Item(name="x", nbytes=nbytes, basis=basis, phases=frozenset(phases), least=least, most=most)


def on(size, *items):
    return verdict(items, parse_device(size, builtin()).device, 1)


def test_a_peak_is_the_fullest_moment_and_no_sum_of_all():
    lines = [item(100), item(7, "forward"), item(5, "backward"), item(3, "backward", "step")]
    assert [(one.phase, one.nbytes) for one in moments(lines)] == [("forward", 107), ("backward", 108), ("step", 103)]
    assert (peak(lines).phase, peak(lines).nbytes) == ("backward", 108)


def test_lines_without_phases_are_one_moment():
    assert [(one.phase, one.nbytes) for one in moments([item(2), item(3)])] == [(None, 5)]


def test_moments_follow_each_other():
    assert in_order({"step", "forward", "a new one", "end of backward", "backward"}) == [
        "forward", "backward", "end of backward", "step", "a new one",
    ]  # fmt: skip
    assert in_order(["decode", "logits", "prefill"]) == ["prefill", "logits", "decode"]


def test_a_range_is_that_of_the_assumed_lines():
    found = peak([item(100), item(10, least=5, most=30), item(None)])
    assert (found.nbytes, found.low, found.high) == (110, 105, 130)


@pytest.mark.parametrize(
    ("items", "answer", "margin"),
    [
        ([item(90)], Answer.FITS, 10),
        ([item(100)], Answer.FITS, 0),
        ([item(101)], Answer.NO, -1),
        ([item(90, least=80, most=101)], Answer.LIKELY, 10),
        ([item(105, least=99, most=200)], Answer.UNLIKELY, -5),
        ([item(105, least=101, most=200)], Answer.NO, -5),
        ([item(90), item(None)], Answer.UNKNOWN, 10),
        ([item(101), item(None)], Answer.NO, -1),
        ([item(60, "forward"), item(70, "backward")], Answer.FITS, 30),
    ],
)
def test_a_verdict_holds_at_both_ends_of_the_ranges(items, answer, margin):
    found = on("100bytes", *items)
    assert (found.answer, found.margin, found.usable_bytes) == (answer, margin, 100)
