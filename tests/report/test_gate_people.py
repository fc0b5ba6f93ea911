"""The table and the markdown of a gate, for people."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from memscan.budget import Gate
from memscan.report.gate.modules import LONG, WIDE, lines, tree
from memscan.report.gates import GATE_FORMATS, render_gate, step_summary
from memscan.units import both_units
from tests.report.gates import EMPTY, EVERY, EXCEEDED, GROWN, MIXED, ORDINARY, WITHIN, figure, finding, hostile

COMMONMARK = MarkdownIt("commonmark", {"html": True}).enable("table")


class TestTable:
    def test_it_has_a_row_for_each_finding_in_order(self):
        lines = render_gate(MIXED, "table").splitlines()
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
        assert cells[0] == ["Target", "What", "dtype", "Figure", "Limit", "Margin", "Outcome"]
        assert [row[0] for row in cells[2:]] == [one.target for one in MIXED.findings]
        assert cells[2] == [
            "meta-llama/Llama-3.1-8B", "total", "bfloat16", "16.06 GB, 14.96 GiB", "24.0 GB, 22.35 GiB", "7.39 GiB", "within",
        ]  # fmt: skip
        assert [row[-1] for row in cells[2:]] == [
            "within", "exceeded", "unknown", "unknown, warned of", "not read", "within", "exceeded",
        ]  # fmt: skip

    def test_below_it_what_failed_comes_first(self):
        lines = render_gate(MIXED, "table").splitlines()
        starts = [line.partition(":")[0].partition(" (")[0] for line in lines if line and not line.startswith("|")]
        assert starts == [
            "Exceeded", "Unknown", "Not read", "Exceeded", "Unknown, warned of", "Within", "Within", "Gate failed",
        ]  # fmt: skip
        assert f"Exceeded (memscan.toml:12): {EXCEEDED.message}" in lines
        assert lines[-1] == "Gate failed: 7 limits, of which 2 exceeded, 1 not read, 2 unknown, 2 within"

    def test_of_many_only_what_is_not_kept_has_a_sentence(self):
        text = render_gate(Gate(findings=(*[WITHIN] * 20, EXCEEDED)), "table")
        assert WITHIN.message not in text
        assert EXCEEDED.message in text
        assert WITHIN.message in render_gate(ORDINARY, "table")

    def test_an_empty_gate_passes(self):
        assert render_gate(EMPTY, "table") == "Gate passed: no limits"

    def test_a_long_name_leaves_room_for_the_figures(self):
        text = render_gate(Gate(findings=(finding("n" * 10_000, figure(352_494_542_848)),)), "table")
        assert "352,494,542,848 bytes" in text
        assert len(text) < 2_000


class TestPeople:
    @pytest.mark.parametrize("output", ["table", "markdown", "github", "junit", "gitlab"])
    def test_exact_bytes_and_both_units_of_figure_and_limit(self, output):
        text = render_gate(Gate(findings=(EXCEEDED,)), output)
        for nbytes in (352_494_542_848, 24 * 10**9):
            assert f"{nbytes:,} bytes" in text
            assert both_units(nbytes) in text

    @pytest.mark.parametrize("output", GATE_FORMATS)
    @pytest.mark.parametrize("name", EVERY)
    def test_nothing_repaints_a_terminal(self, name, output):
        text = render_gate(EVERY[name], output)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", text)
        text.encode("utf-8")

    @pytest.mark.parametrize("output", GATE_FORMATS)
    @pytest.mark.parametrize("name", EVERY)
    def test_the_same_gate_is_the_same_text(self, name, output):
        assert render_gate(EVERY[name], output) == render_gate(EVERY[name], output)
        assert not render_gate(EVERY[name], output).endswith("\n")

    @pytest.mark.parametrize("output", GATE_FORMATS)
    def test_a_target_that_was_not_read_has_its_place(self, output):
        assert "is gated: ask for access" in render_gate(MIXED, output)


class TestMarkdown:
    def test_what_failed_is_above_the_table_and_first_in_it(self):
        lines = render_gate(MIXED, "markdown").splitlines()
        assert lines[0] == "### Memory gate failed: 7 limits, of which 2 exceeded, 1 not read, 2 unknown, 2 within"
        rows = [line.split(" | ") for line in lines if line.startswith("| ")]
        assert [row[0].strip("|* ") for row in rows[1:]] == [
            "exceeded", "unknown", "not read", "exceeded", "unknown, warned of", "within", "within",
        ]  # fmt: skip
        assert next(index for index, line in enumerate(lines) if line.startswith("- **exceeded")) < lines.index(
            " | ".join(rows[0])
        )

    @pytest.mark.parametrize("name", EVERY)
    def test_no_name_is_markup(self, name):
        self.check(EVERY[name])

    @settings(max_examples=60, deadline=None)
    @given(st.text(alphabet=st.sampled_from("|`\\<>[]()!*_#@:/&~-+. \nhtpsw1a")))
    def test_no_word_is_markup(self, word):
        self.check(hostile(word))

    def check(self, gate):
        text = render_gate(gate, "markdown")
        tokens = [one for block in COMMONMARK.parse(text) for one in (block, *(block.children or ()))]
        kinds = {token.type for token in tokens}
        assert {token.content for token in tokens if token.type == "html_inline"} <= {"<!-- -->"}
        assert not kinds & {"link_open", "image", "fence", "code_block", "blockquote_open", "hr", "em_open"}
        html = "".join(token.content for token in tokens if token.type == "html_block")
        assert set(re.findall(r"</?\w+", html)) <= {"<details", "</details", "<summary", "</summary"}
        # The header, one row for each finding, and no column more.
        rows = [token.type for token in tokens].count("tr_open")
        assert rows == (1 + len(gate.findings) if gate.findings else 0)
        assert [token.type for token in tokens].count("td_open") == 8 * len(gate.findings)
        assert [token.type for token in tokens].count("heading_open") == 1
        # Mentions and references to issues are looked for in each piece of text, after markdown is done.
        assert not any(re.search(r"(?<!\w)[@#][A-Za-z0-9]", token.content) for token in tokens if token.type == "text")
        assert not re.search(r"[@#][A-Za-z0-9]", re.sub(r"&#x?\w+;", "", html))

    def test_modules_are_folded_away(self):
        text = render_gate(MIXED, "markdown")
        assert text.count("<details>") == text.count("</details>") == 2
        assert (
            "<details><summary>bigscience/bloom, total: 142 modules</summary>\n\n- `model`: 15,000,000,000 bytes (13.97 GiB)\n"
            in text
        )
        assert "    - `0 to 69`: 70 x 200,000,000 bytes (190.73 MiB) = 14,000,000,000 bytes (13.04 GiB)\n      - `attn`: " in text
        assert "- `embed`: +1,000,000,000 bytes (+953.67 MiB)\n- `head`: -100,000,000 bytes (-95.37 MiB)\n" in text

    def test_a_comment_is_as_long_as_it_may_be(self):
        gate = Gate(
            findings=tuple(finding(f"x/{index}-\U0001f600@", figure(10**12), modules=[("a", 1)]) for index in range(2_000))
        )
        text = render_gate(gate, "markdown")
        assert len(text.encode()) <= 65_536
        assert re.search(r"\n- and [0-9,]+ more sentences, for which there is no room\n", text)
        assert re.search(r"\n[0-9,]+ more limits, for which there is no room\n", text)
        assert text.endswith("more trees of modules, for which there is no room")
        shown = text.count("\n| **exceeded**") + int(re.search(r"\n([0-9,]+) more limits", text)[1].replace(",", ""))
        assert shown == 2_000
        self_contained = step_summary(gate)
        assert 65_536 < len(self_contained.encode()) <= 1_048_576


class TestTree:
    def test_sums_are_those_of_the_leaves(self):
        branches = tree(EXCEEDED.facts["modules"])
        assert [(one.name, one.total) for one in branches] == [("model", 15 * 10**9), ("lm_head", 5 * 10**9)]

    def test_only_equal_neighbours_are_one(self):
        (model,) = tree([("m.0", 5), ("m.1", 5), ("m.2", 7), ("m.3", 5), ("m.5", 5), ("m.x", 5)])
        assert [(one.name, one.last, one.count) for one in model.branches] == [
            ("0", "1", 2), ("2", "", 1), ("3", "", 1), ("5", "", 1), ("x", "", 1),
        ]  # fmt: skip

    def test_what_holds_only_one_is_one_name(self):
        (one,) = tree([("a.b.c", 5)])
        assert (one.name, one.total) == ("a.b.c", 5)
        assert [branch.name for branch in tree([("a", 1), ("a.b", 2)])] == ["a"]

    def test_the_small_ones_of_a_wide_level_are_counted_together(self):
        found = finding("x", figure(1), modules=[(f"m.x{index}", index) for index in range(100)])
        shown = lines(found)
        assert len(shown) == 1 + WIDE + 1
        assert shown[-1] == (1, "", f"and 70 others, together {sum(range(70)):,} bytes (2.36 KiB)")

    def test_a_hundred_thousand_modules_are_a_page(self):
        names = [f"a{one}.b{two}.c{three}" for one in range(40) for two in range(50) for three in range(50)]
        found = finding("x", figure(1), modules=[(name, 1 + index) for index, name in enumerate(names)])
        shown = lines(found)
        assert len(shown) == LONG + 1
        assert shown[-1][2].endswith("more lines")

    @given(st.lists(st.tuples(st.text(alphabet="01.a", max_size=12), st.integers(-(10**12), 10**12)), max_size=30))
    def test_nothing_is_lost(self, modules):
        assert sum(branch.total for branch in tree(modules)) == sum(nbytes for _, nbytes in modules)

    def test_a_growth_has_a_sign(self):
        assert [size for _, _, size in lines(GROWN)] == ["+1,000,000,000 bytes (+953.67 MiB)", "-100,000,000 bytes (-95.37 MiB)"]
