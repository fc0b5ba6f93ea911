"""Annotations, the summary and the outputs of a step, read as GitHub's runner reads them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memscan.budget import Gate
from memscan.cli.github import write_outputs, write_summary
from memscan.errors import UsageError
from memscan.report.gates import GATE_FORMATS, render_gate, step_outputs, step_summary
from tests.report.gates import EMPTY, EVERY, EXCEEDED, HOSTILE, MAYBE, MIXED, ORDINARY, figure, finding, hostile
from tests.report.runner import commands, outputs

PLAIN = tuple(name for name in GATE_FORMATS if name != "github")


class TestAnnotations:
    def test_each_finding_that_asks_something_is_a_command(self):
        found = commands(render_gate(MIXED, "github"))
        assert [name for name, _, _ in found] == ["error", "error", "error", "error", "warning", "notice"]
        assert found[0] == (
            "error",
            {"file": "memscan.toml", "line": "12", "title": "memscan: total size exceeded: bigscience/bloom"},
            EXCEEDED.message,
        )
        assert "%" in EXCEEDED.message

    def test_a_limit_of_the_command_line_has_no_file(self):
        (found,) = commands(render_gate(Gate(findings=(MAYBE,)), "github"))
        assert found[1] == {"title": "memscan: inference peak within: q/e"}

    def test_what_is_within_is_a_line_of_the_log(self):
        text = render_gate(ORDINARY, "github")
        assert not commands(text)
        assert text.splitlines() == [f"Within: {ORDINARY.findings[0].message}", "Gate passed: 1 limit, of which 1 within"]
        assert render_gate(EMPTY, "github") == "Gate passed: no limits"

    @pytest.mark.parametrize("word", HOSTILE, ids=range(len(HOSTILE)))
    def test_a_name_gives_no_orders(self, word):
        found = commands(render_gate(hostile(word), "github"))
        assert [name for name, _, _ in found] == ["error", "error", "error", "warning", "notice"]
        assert {key for _, properties, _ in found for key in properties} <= {"file", "line", "title"}
        assert all(properties["title"].startswith("memscan: ") for _, properties, _ in found)

    @settings(max_examples=100, deadline=None)
    @given(st.text(alphabet=st.sampled_from("::#[]%,=\n\r ;errowaning0AD")))
    def test_no_word_gives_orders(self, word):
        for name in GATE_FORMATS:
            found = commands(render_gate(hostile(word), name))
            assert len(found) == (5 if name == "github" else 0), name


class TestOtherFormats:
    @pytest.mark.parametrize("output", PLAIN)
    @pytest.mark.parametrize("name", EVERY)
    def test_they_give_no_orders_in_a_log(self, name, output):
        text = render_gate(EVERY[name], output)
        assert not commands(text)
        assert not any(mark in text for mark in ("##vso[", "##[", "##teamcity["))


class TestSummary:
    def test_without_the_variable_nothing_is_written(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for value in (None, ""):
            for variable in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
                monkeypatch.delenv(variable, raising=False) if value is None else monkeypatch.setenv(variable, value)
            write_summary(MIXED)
            write_outputs(MIXED)
        assert not list(tmp_path.iterdir())

    def test_it_is_appended(self, tmp_path, monkeypatch):
        path = tmp_path / "summary.md"
        path.write_text("# Before")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
        write_summary(MIXED)
        write_summary(ORDINARY)
        assert path.read_text() == f"# Before\n{step_summary(MIXED)}\n{step_summary(ORDINARY)}\n"

    def test_a_summary_without_room_keeps_what_is_there(self, tmp_path, monkeypatch):
        path = tmp_path / "summary.md"
        path.write_text("x" * 1_048_400)
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
        write_summary(MIXED)
        assert path.stat().st_size <= 1_048_576
        assert path.read_text().endswith("\nmemscan: no room is left in this summary; the limits are in the log.\n")

    def test_a_file_that_cannot_be_written_is_named_by_its_variable(self, tmp_path, monkeypatch):
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "absent" / "summary.md"))
        monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path))
        with pytest.raises(UsageError, match="GITHUB_STEP_SUMMARY"):
            write_summary(MIXED)
        with pytest.raises(UsageError, match="GITHUB_OUTPUT"):
            write_outputs(MIXED)


class TestOutputs:
    def test_what_later_steps_get(self, tmp_path, monkeypatch):
        path = tmp_path / "outputs"
        path.write_text("earlier=1")
        monkeypatch.setenv("GITHUB_OUTPUT", str(path))
        write_outputs(MIXED)
        assert outputs(path.read_text()) == {
            "earlier": "1", "outcome": "exceeded", "passed": "false", "checked": "7", "failed": "4", "exceeded": "2",
            "unknown": "2", "not_read": "1", "max_bytes": "352494542848", "message": EXCEEDED.message,
        }  # fmt: skip

    def test_a_gate_that_passed(self):
        assert step_outputs(ORDINARY) == {
            "outcome": "within", "passed": "true", "checked": "1", "failed": "0", "exceeded": "0", "unknown": "0",
            "not_read": "0", "max_bytes": "16060522496", "message": "",
        }  # fmt: skip
        assert step_outputs(EMPTY)["max_bytes"] == ""

    @pytest.mark.parametrize("word", [*HOSTILE, "x\noutcome=within\n", "x\nmemscan_0\noutcome<<E\nwithin\nE"])
    def test_a_name_makes_no_outputs(self, word, tmp_path, monkeypatch):
        path = tmp_path / "outputs"
        monkeypatch.setenv("GITHUB_OUTPUT", str(path))
        gate = Gate(findings=(finding(word, figure(10**12)),))
        write_outputs(gate)
        found = outputs(path.read_text(encoding="utf-8"))
        assert found == step_outputs(gate)
        assert found["outcome"] == "exceeded"

    def test_the_marks_cannot_be_foreseen(self, tmp_path, monkeypatch):
        texts = []
        for name in "ab":
            monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / name))
            write_outputs(MIXED)
            texts.append((tmp_path / name).read_text())
        marks = [line.partition("<<")[2] for text in texts for line in text.splitlines() if "<<" in line]
        assert len(set(marks)) == len(marks) == 18
