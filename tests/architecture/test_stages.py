"""What a backbone gives out, where its config says one of two things or none."""

import pytest

from memscan.architecture.expression import UNKNOWN
from memscan.architecture.stages import FEATURES, INDICES, MOST, outputs

FIVE = 5
"""A stem and four stages."""


@pytest.mark.parametrize(
    ("values", "features", "indices"),
    [
        ({}, ["stage4"], [4]),
        ({INDICES: None}, ["stage4"], [4]),
        ({INDICES: [1, 3]}, ["stage1", "stage3"], [4]),
        ({INDICES: [-1]}, ["stage4"], [4]),
        ({INDICES: [0]}, ["stem"], [4]),
        ({FEATURES: ["stem", "stage2"]}, ["stage4"], [0, 2]),
    ],
)
def test_each_follows_from_the_other(values: dict[str, object], features: list[str], indices: list[int]) -> None:
    assert outputs(FEATURES, FIVE, values) == features
    assert outputs(INDICES, FIVE, values) == indices


@pytest.mark.parametrize("indices", [[5], [-6], ["1"], [1.0], [True], 3, "34", {"1": 1}, [0] * 6])
def test_what_is_no_number_of_a_stage_is_not_known(indices: object) -> None:
    assert outputs(FEATURES, FIVE, {INDICES: indices}) is UNKNOWN


@pytest.mark.parametrize("features", [["stage5"], [4], "stage4", {"stage4": 1}, ["stem"] * 6])
def test_what_is_no_name_of_a_stage_is_not_known(features: object) -> None:
    assert outputs(INDICES, FIVE, {FEATURES: features}) is UNKNOWN


@pytest.mark.parametrize("count", [UNKNOWN, None, 0, -1, MOST + 1, "5"])
def test_without_a_number_of_stages_nothing_is_known(count: object) -> None:
    assert outputs(FEATURES, count, {}) is UNKNOWN
