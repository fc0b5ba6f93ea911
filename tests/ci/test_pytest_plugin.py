"""The pytest plugin, in test runs of their own processes, found by its entry point as users have it."""

import json
import subprocess
import sys
from importlib import metadata

import pytest

from tests.ci.models import bert_like, write_model

pytest_plugins = ["pytester"]
OPTIONS = ("-p", "no:cacheprovider", "--strict-markers", "--strict-config", "-W", "error")


@pytest.fixture
def run(pytester, environment, monkeypatch):
    """A run of pytest over a file of tests, beside a model of 160,768 bytes."""
    for name in ("HF_ENDPOINT", "HF_HOME", "MEMSCAN_CACHE"):
        monkeypatch.setenv(name, environment[name])
    write_model(pytester.path / "model", bert_like())

    def go(source, *options):
        pytester.makepyfile(source)
        return pytester.runpytest_subprocess(*OPTIONS, *options)

    return go


def test_the_plugin_is_found_by_its_entry_point():
    (entry,) = [one for one in metadata.entry_points(group="pytest11") if one.name == "memscan"]
    assert entry.value == "memscan.pytest_plugin"


def test_the_fixture_passes_what_fits_and_fails_what_does_not_in_one_sentence(run):
    result = run(
        """
        import asyncio
        from pathlib import Path

        def test_within_a_running_event_loop(memscan_assert_fits):
            async def inside():
                memscan_assert_fits("bert-base-cased", max_memory="1GB")
            asyncio.run(inside())

        def test_fits(memscan_assert_fits):
            memscan_assert_fits("model", max_memory="200kB")
            memscan_assert_fits(Path("model"), device="h100")
            memscan_assert_fits("bert-base-cased", max_memory="2GB", what="inference", context=512)

        def test_exceeds(memscan_assert_fits):
            memscan_assert_fits("model", max_memory="100kB")
        """
    )
    result.assert_outcomes(passed=2, failed=1)
    (line,) = [line for line in result.outlines if line.startswith("E  ")]
    assert "AssertionError: memscan: model: total size 160,768 bytes" in line
    assert "exceeds 100kB (100,000 bytes" in line
    result.stdout.no_fnmatch_line("*pytest_plugin*")  # the traceback ends in the test


def test_the_marker_fails_the_test_before_it_runs_and_is_no_error(run):
    result = run(
        """
        import pytest

        @pytest.mark.memscan("model", max_memory="100kB")
        def test_exceeds():
            print("has run")

        @pytest.mark.memscan(target="model", max_memory="200kB", what="largest-layer")
        def test_fits():
            pass

        @pytest.mark.memscan("model", max_memory="100kB")
        class TestTwo:
            @pytest.mark.memscan("bert-base-cased", max_memory="1MB")
            def test_both(self):
                print("has run")

        @pytest.mark.memscan("model", max_memory="100kB")
        @pytest.mark.skip
        def test_skipped(): ...

        @pytest.mark.xfail(strict=True)
        @pytest.mark.memscan("model", max_memory="100kB")
        def test_expected(): ...
        """,
        "-s",
    )
    result.assert_outcomes(passed=1, failed=2, skipped=1, xfailed=1)
    result.stdout.no_fnmatch_line("*has run*")
    result.stdout.fnmatch_lines(
        ["memscan: model: total size*", "memscan: bert-base-cased: total size*", "memscan: model: total size*"], consecutive=False
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"max_mem": "1GB"}, "unknown word max_mem; expected max_memory"),
        ({"max_memory": 5}, "max_memory is 5, expected a string"),
        ({"max_memory": "5G"}, "5G"),
        ({"max_memory": "1GB", "what": "inference", "context": "8k"}, "context is '8k', expected a whole number"),
        ({"max_memory": "1GB", "what": "inference", "batch": True}, "batch is True, expected a whole number"),
        ({"max_memory": "1GB", "context": 5}, "--context is of --what inference"),
        ({"device": "h10000"}, "h10000"),
        ({}, "no limit is given"),
    ],
)
def test_words_that_make_no_sense_fail_with_what_was_expected(memscan_assert_fits, words, message):
    with pytest.raises(AssertionError, match="memscan: ") as caught:
        memscan_assert_fits("model", **words)
    assert message in str(caught.value)


def test_markers_that_make_no_sense_fail_the_test(run):
    result = run(
        """
        import pytest

        @pytest.mark.memscan(max_memory="1GB")
        def test_no_target(): ...

        @pytest.mark.memscan("model", "model", max_memory="1GB")
        def test_two_targets(): ...

        @pytest.mark.memscan("nowhere/at-all", max_memory="1GB")
        def test_not_there(): ...
        """
    )
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        ["memscan: a marker needs a target*", "memscan: a marker takes one target*", "memscan: nowhere/at-all*"]
    )


def test_something_unknown_fails_or_warns_as_asked(run):
    result = run(
        """
        WORDS = {"max_memory": "10GB", "what": "inference", "context": 512}

        def test_fails(memscan_assert_fits):  # the model has no config
            memscan_assert_fits("model", **WORDS)

        def test_warns(memscan_assert_fits):
            memscan_assert_fits("model", **WORDS, unknown="warn")
        """,
        "-W", "default",
    )  # fmt: skip
    result.assert_outcomes(passed=1, failed=1, warnings=1)
    result.stdout.fnmatch_lines(
        ["*AssertionError: memscan: model: inference peak*", "*UserWarning: memscan: model: inference peak*"]
    )


def test_workers_of_xdist_check_by_themselves(run):
    result = run(
        """
        import pytest

        @pytest.mark.memscan("bert-base-cased", max_memory="1GB")
        @pytest.mark.parametrize("number", range(6))
        def test_it(number, memscan_assert_fits):
            memscan_assert_fits("model", max_memory="1GB")

        def test_no(memscan_assert_fits):
            memscan_assert_fits("model", max_memory="1kB")
        """,
        "-n2",
    )
    result.assert_outcomes(passed=6, failed=1)


def test_the_marker_is_listed(run):
    result = run("def test_it(): ...", "--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.memscan(target, *, max_memory, device, *"])


def test_a_run_that_checks_nothing_imports_nothing_of_memscan(run):
    result = run(
        """
        import json, sys

        def test_it():
            print("LOADED", json.dumps(sorted(name for name in sys.modules if name.partition(".")[0] == "memscan")))
        """,
        "-s",
    )
    (line,) = [line for line in result.outlines if "LOADED" in line]
    assert json.loads(line.partition("LOADED ")[2].rstrip(".")) == ["memscan", "memscan.pytest_plugin", "memscan.version"]


def test_what_the_plugin_itself_imports_is_there_already():
    program = "import pytest, sys; old = set(sys.modules); import memscan.pytest_plugin; print(*sorted(set(sys.modules) - old))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["memscan", "memscan.pytest_plugin", "memscan.version"]
