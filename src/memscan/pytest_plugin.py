"""The pytest plugin: a fixture and a marker that fail a test whose model does not fit.

    def test_fits(memscan_assert_fits):
        memscan_assert_fits("org/name", max_memory="24GB")

    @pytest.mark.memscan("org/name", device="h100", what="inference", context=8192)
    def test_answers(): ...

The words are those of `memscan check` and of a file of budgets, with underscores. pytest imports this file whenever memscan is
installed beside it, so nothing of memscan is imported before a check is made; a check keeps nothing between tests, in memory or
in files of its own, so that workers of pytest-xdist cannot get into each other's way.
https://docs.pytest.org/en/stable/how-to/writing_plugins.html
"""

import os
import warnings
from collections.abc import Mapping
from typing import Protocol

import pytest

MARKER = "memscan(target, *, max_memory, device, what, dtype, ...): fail the test where the model exceeds the limit"


class AssertFits(Protocol):
    """What the fixture gives."""

    def __call__(self, target: str | os.PathLike[str], **words: object) -> None:
        """AssertionError where `target` exceeds a limit or cannot be read, with the figure, the limit and by how much.

        `words` are those of a file of budgets, with underscores: `max_memory="24GB"` or `device="h100"`, `what="inference"`,
        `context=8192`. What is not known fails too, but with `unknown="warn"`, which gives a warning.
        """


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, so that `--strict-markers` is content."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def memscan_assert_fits() -> AssertFits:
    """A function that fails the test where a model exceeds a limit: `memscan_assert_fits("org/name", max_memory="24GB")`."""
    return _assert_fits


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Check the markers of a test before it runs: here and not in its setup, where what fails counts as an error."""
    failures = [failure for marker in item.iter_markers("memscan") for failure in _marked(marker)]
    if failures:
        pytest.fail("\n".join(dict.fromkeys(failures)), pytrace=False)


def _assert_fits(target: str | os.PathLike[str], **words: object) -> None:
    __tracebackhide__ = True
    failures = _failures({**words, "target": os.fspath(target)})
    if failures:
        raise AssertionError("\n".join(failures))


def _marked(marker: pytest.Mark) -> list[str]:
    words = dict(marker.kwargs)
    if len(marker.args) > 1 or (marker.args and "target" in words):
        return [f"memscan: a marker takes one target, not {', '.join(map(repr, marker.args))}; write a marker for each"]
    if marker.args:
        words["target"] = marker.args[0]
    if not isinstance(words.get("target"), str | os.PathLike):
        return ['memscan: a marker needs a target: @pytest.mark.memscan("org/name", max_memory="24GB")']
    return _failures({**words, "target": os.fspath(words["target"])})


def _failures(words: Mapping[str, object]) -> list[str]:
    """What closes the gate, one sentence each; what is only to be warned of becomes a warning."""
    from memscan.errors import MemscanError

    try:
        failures, remarks = _checked(_spelt(words))
    except MemscanError as error:
        return [f"memscan: {error}"]
    for remark in remarks:
        warnings.warn(f"memscan: {remark}", stacklevel=3)
    return [f"memscan: {failure}" for failure in failures]


def _checked(words: Mapping[str, object]) -> tuple[list[str], list[str]]:
    from memscan.budget import Outcome
    from memscan.budget.asking import asked
    from memscan.checking import check_all, own_devices
    from memscan.scanning import ScanOptions, run_anywhere

    found = run_anywhere(check_all([asked(words, own_devices())], ScanOptions())).findings
    return (
        [finding.message for finding in found if finding.fails],
        [finding.message for finding in found if not finding.fails and finding.outcome is not Outcome.WITHIN],
    )


def _spelt(words: Mapping[str, object]) -> dict[str, object]:
    """The words as a file of budgets spells them; UsageError for one that there is not, or with a value that it cannot have."""
    from difflib import get_close_matches

    from memscan.budget.file import FLAGS, FLOATS, NUMBERS, TEXTS
    from memscan.errors import UsageError

    kinds: dict[str, tuple[type | tuple[type, ...], str]] = {
        **dict.fromkeys(TEXTS, (str, "a string")),
        **dict.fromkeys(NUMBERS, (int, "a whole number")),
        **dict.fromkeys(FLOATS, ((int, float), "a number")),
        **dict.fromkeys(FLAGS, (bool, "True or False")),
    }
    found = {}
    for name, value in words.items():
        key = name.replace("_", "-")
        if key not in kinds:
            near = get_close_matches(key, kinds, n=1, cutoff=0.6) or list(kinds)
            raise UsageError(f"unknown word {name}; expected {', '.join(one.replace('-', '_') for one in near)}")
        kind, expected = kinds[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise UsageError(f"{name} is {value!r}, expected {expected}")
        found[key] = value
    return found
