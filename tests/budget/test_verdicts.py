"""A figure beside a limit, in one sentence."""

import pytest

from memscan.budget import Bound, Figure, Gate, Limit, Outcome
from memscan.budget.verdicts import blank, judged, not_read
from memscan.errors import NotFoundError
from memscan.item import Basis


def figure(nbytes, bound=Bound.EXACT, low=None, high=None, basis=Basis.MEASURED):
    return Figure(
        name="total size", nbytes=nbytes, basis=basis, bound=bound, low=nbytes if low is None else low,
        high=nbytes if high is None else high,
    )  # fmt: skip


def finding(found, limit=1000, unknown="fail"):
    start = blank("total", "a/b", commit=None, dtype=None, place=None)
    return judged(start, found, Limit(nbytes=limit, stated="1kB"), unknown=unknown)


@pytest.mark.parametrize(
    ("found", "outcome", "fails", "words"),
    [
        (figure(900), Outcome.WITHIN, False, "is within 1kB (1,000 bytes: 1.0 kB, 1000 bytes) with 100 bytes"),
        (figure(1000), Outcome.WITHIN, False, "with 0 bytes"),
        (figure(1001), Outcome.EXCEEDED, True, "exceeds 1kB"),
        (figure(900, Bound.LOWER), Outcome.UNKNOWN, True, "something is not counted, so it may exceed it"),
        (figure(1100, Bound.LOWER), Outcome.EXCEEDED, True, "a lower bound"),
        (figure(900, Bound.ESTIMATE, 800, 1200), Outcome.WITHIN, False, "at the high end of its range it exceeds it"),
        (figure(1100, Bound.ESTIMATE, 900, 1200), Outcome.EXCEEDED, True, "at the low end of its range it does not"),
    ],
)
def test_what_came_of_it(found, outcome, fails, words):
    made = finding(found)
    assert (made.outcome, made.fails) == (outcome, fails)
    assert words in made.message
    assert made.message.startswith(f"a/b: total size {found.nbytes:,} bytes")
    assert found.basis.value in made.message
    assert found.bound.value in made.message


def test_an_unknown_may_be_only_said():
    made = finding(figure(900, Bound.LOWER), unknown="warn")
    assert (made.outcome, made.fails) == (Outcome.UNKNOWN, False)


def test_both_units_are_shown():
    made = finding(figure(16_060_522_496), limit=24 * 10**9)
    assert "16,060,522,496 bytes (16.06 GB, 14.96 GiB; measured, exact)" in made.message
    assert "(24,000,000,000 bytes: 24.0 GB, 22.35 GiB)" in made.message
    assert "7,939,477,504 bytes (7.94 GB, 7.39 GiB, 33.1 %) left" in made.message


def test_a_gate_is_closed_by_what_fails_and_not_by_what_was_not_read():
    start = blank("total", "a/b", commit=None, dtype=None, place=None)
    unread = not_read(start, NotFoundError("a/b: no such model"))
    assert (unread.outcome, unread.fails, unread.message) == (Outcome.NOT_READ, True, "a/b: no such model")
    assert not Gate(findings=(unread, finding(figure(1)))).closed
    assert Gate(findings=(finding(figure(2000)),)).closed
