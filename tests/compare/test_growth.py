"""The limit on growth, to the byte."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.budget import Bound, Outcome
from memscan.budget.grown import grown
from memscan.budget.growth import allowed
from memscan.errors import UsageError
from memscan.item import Basis


@pytest.mark.parametrize(
    ("growth", "before", "after", "fails"),
    [
        ("0", 100, 100, False), ("0", 100, 101, True), ("0%", 100, 100, False), ("0%", 100, 101, True), ("0", 100, 99, False),
        ("5%", 100, 105, False), ("5%", 100, 106, True), ("5 %", 99, 103, False), ("5%", 99, 104, True),
        ("0.5%", 1000, 1005, False), ("0.5%", 1000, 1006, True), ("500MB", 0, 500_000_000, False),
        ("500MB", 0, 500_000_001, True),
        ("1KiB", 5, 1029, False), ("100%", 2**60, 2**61, False), ("100%", 2**60, 2**61 + 1, True), ("5%", 0, 0, False),
        ("5%", 0, 1, True),
    ],
)  # fmt: skip
def test_limits(growth, before, after, fails):
    found = grown("b", before=before, after=after, growth=growth, than="a")
    assert found.fails == fails
    assert found.outcome is (Outcome.EXCEEDED if fails else Outcome.WITHIN)
    assert found.figure.nbytes == after
    assert found.rule == "growth"


@given(st.integers(0, 999_999), st.integers(0, 999_999), st.integers(0, 2**60))
def test_a_share_is_exact(whole, places, base):
    share = Fraction(whole) + Fraction(places, 10**6)
    assert allowed(f"{whole}.{places:06}%", base) == (share * base / 100).__floor__()


@pytest.mark.parametrize(
    "word", ["", "5", "007", "five", "-5%", "%", "5%%", "1e3%", "5G", "5 percent", "1" * 100 + "%", "nan%", "\n"]
)
def test_what_is_no_growth(word):
    with pytest.raises(UsageError, match=r"growth|meanings"):
        allowed(word, 100)


def test_what_is_missing_on_both_sides_is_warned_of():
    found = grown("b", before=10, after=10, growth="0", than="a", gaps=(["the base"], ["the base"]))
    assert (found.outcome, found.fails, found.figure.bound) == (Outcome.UNKNOWN, False, Bound.LOWER)


@pytest.mark.parametrize("gaps", [([], ["the base"]), (["the base"], [])])
def test_what_is_missing_on_one_side_fails(gaps):
    found = grown("b", before=10, after=10, growth="0", than="a", gaps=gaps)
    assert (found.outcome, found.fails) == (Outcome.UNKNOWN, True)
    assert "the base" in found.message


def test_the_sentence():
    found = grown("org/name", before=1_000_000, after=2_000_000, growth="5%", than="org/name @ aaaaaaa", is_measured=False)
    assert found.figure.basis is Basis.DERIVED
    for words in (
        "org/name: total size 2,000,000 bytes",
        "exceeds 5% more than the 1,000,000 bytes of org/name @ aaaaaaa (1,050,000 bytes",
        "by 950,000 bytes",
        "it grew by 1,000,000 bytes (1.0 MB, 976.56 KiB, 100.0 %)",
    ):
        assert words in found.message
    assert "it shrank by 10 bytes" in grown("b", before=20, after=10, growth="0", than="a").message
