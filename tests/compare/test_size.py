"""100,000 tensors on both sides: work that grows with their number and not with its square, and lines that people can read."""

import pytest

from memscan.compare import Kind, Match, compare
from memscan.compare.pattern import Patterns, families
from memscan.compare.places import MAX_COMPARISONS, Matcher
from memscan.report.diffs import FOLDED_MODULES, Shown, render_diff
from tests.compare.sides import diff, experts, of_names, side
from tests.effort import effort

MANY = {"layers": 61, "count": 540}
FEW = {"layers": 61, "count": 54}
LOOPS = 400  # runs of the loop of tests.effort, some 4 s on a slow core; the longest comparison takes less than half of that


@pytest.fixture(scope="module")
def many():
    return experts(**MANY)


@pytest.mark.parametrize(
    ("change", "lines", "rules"),
    [
        ({}, 0, 0),
        ({"dtype": "F8_E4M3"}, 3, 0),
        ({"prefix": ""}, 0, 1),
        ({"prefix": "lm.", "dtype": "F8_E4M3"}, 3, 1),
        ({"up": "w3"}, 0, 1),
    ],
    ids=["same", "dtype", "prefix", "both", "place"],
)
def test_a_hundred_thousand_tensors_are_a_few_lines(many, change, lines, rules):
    before, after = side(many), side(experts(**MANY, **change))
    with effort() as spent:
        found = compare(before, after)
    assert spent.loops < LOOPS
    assert len(many) > 98_000
    assert (len(found.groups), len(found.renames)) == (lines, rules)
    for output in ("table", "markdown", "csv"):
        assert len(render_diff(Shown(diff=found), output)) < 6_000


def test_work_grows_with_the_number_of_tensors(many):
    few = side(experts(**FEW)), side(experts(**FEW, prefix="lm.", dtype="F8_E4M3"))
    more = side(many), side(experts(**MANY, prefix="lm.", dtype="F8_E4M3"))
    with effort() as small:
        compare(*few)
    with effort() as large:
        compare(*more)
    assert large.loops < 40 * small.loops  # ten times the tensors


def hostile(word):
    """As many patterns as tensors, all of one shape: each could be any other."""
    return of_names({f"{word}{n}x.{word}": (4, 4) for n in range(20_000)})


def test_names_that_are_all_different_are_not_compared_with_each_other():
    before, after = hostile("a"), hostile("b")
    matcher = Matcher()
    assert list(matcher.by_place(families(before, Patterns()), families(after, Patterns()))) == []
    assert matcher.comparisons <= MAX_COMPARISONS
    with effort() as spent:
        found = diff(before, after)
    assert spent.loops < LOOPS
    assert found.sums[Kind.ADDED].tensors == found.sums[Kind.REMOVED].tensors == 20_000
    assert len(render_diff(Shown(diff=found), "markdown")) < 40_000


def test_many_small_buckets_share_the_bound():
    before = of_names({f"h.0.{word}.{n}q": (n + 1, 4) for n in range(3_000) for word in ("ab", "cd", "ef")})
    after = of_names({f"h.0.{word}.{n}q": (n + 1, 4) for n in range(3_000) for word in ("gh", "ij", "kl")})
    matcher = Matcher()
    found = list(matcher.by_place(families(before, Patterns()), families(after, Patterns())))
    assert matcher.comparisons <= MAX_COMPARISONS
    assert {change.match for change in found} <= {Match.PLACE, Match.LIKENESS}
    assert len(found) == 9_000


@pytest.mark.parametrize("swapped", [False, True])
def test_one_name_beside_thousands(swapped):
    many, one = of_names({f"h.0.name{n}x": (4, 4) for n in range(MAX_COMPARISONS - 1)}), of_names({"h.0.other": (4, 4)})
    with effort() as spent:
        found = diff(one, many) if swapped else diff(many, one)
    assert spent.loops < LOOPS
    assert sum(part.tensors for part in found.sums.values()) >= MAX_COMPARISONS - 1


def test_a_name_in_front_of_everything_is_tried_a_few_times_only():
    """Thousands of prefixes in front of one rest."""
    before = of_names({f"p{n}.layers.fc.weight": (n % 7 + 1,) for n in range(5_000)})
    after = of_names({f"q{n}.layers.fc.weight": (n % 5 + 1,) for n in range(5_000)})
    with effort() as spent:
        found = diff(before, after)
    assert spent.loops < LOOPS
    assert found.growth == sum(one.nbytes for one in after) - sum(one.nbytes for one in before)


def test_a_folded_tree_has_a_bound():
    found = diff([], of_names({f"module{n}.weight": (n + 1,) for n in range(5_000)}))
    text = render_diff(Shown(diff=found), "markdown")
    assert text.count("| module") <= FOLDED_MODULES + 20
    assert "and 4,980 more such lines" in text
