"""docs/outputs.md says what the outputs are."""

import re
from pathlib import Path

import pytest

from memscan.report.gate import csv, json, markdown, modules, rules, table, words
from memscan.report.gates import GATE_FORMATS, render_gate, step_outputs
from tests.report.gates import EXCEEDED, MIXED, WARNED

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "outputs.md").read_text()
ROWS = {match[1]: match[0] for match in re.finditer(r"^\| `([^`]+)` \|.*$", TEXT, re.MULTILINE)}


def test_every_format_and_outcome_is_there():
    assert set(GATE_FORMATS) <= set(ROWS)
    assert {outcome.value for outcome in words.WORST_FIRST} <= set(ROWS)


def test_every_output_of_a_step_is_there_in_order():
    section = TEXT.split("| output | value |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE) == list(step_outputs(MIXED))


def test_every_column_of_the_csv_is_there_in_order():
    section = TEXT.split("## CSV")[1].split("Sizes")[0]
    assert tuple(re.findall(r"`([^`]+)`", section)) == csv.COLUMNS


def test_every_key_of_the_json_is_documented():
    text = (ROOT / "docs" / "json.md").read_text().split("## Gates")[1].split("\n## ")[0]
    documented = {word for row in re.findall(r"^\| (`.+?) \|", text, re.MULTILINE) for word in re.findall(r"`([a-z_]+)", row)}
    found = json.gate_object(MIXED)
    assert documented == ({*found, *found["findings"][0]} - {"schema", "memscan"})


def test_the_sentence_that_is_shown_is_one_that_memscan_writes():
    assert EXCEEDED.message in TEXT


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("at most {:,} bytes of it", markdown.SUMMARY),
        ("At most {:,} bytes, because", markdown.COMMENT),
        ("the {} largest are shown", modules.WIDE),
    ],
)
def test_numbers_are_those_of_the_code(words, number):
    assert words.format(number) in TEXT


def test_where_ten_or_fewer_have_all_sentences():
    assert table.FEW == 10


def test_the_table_of_gravity_is_that_of_the_code():
    assert ROWS_OF_GRAVITY["unknown, only warned of"][:4] == ["`::warning`", "`skipped`", "`warning`", "`minor`"]
    assert render_gate(type(MIXED)(findings=(WARNED,)), "github").startswith("::warning ")


ROWS_OF_GRAVITY = {
    cells[0]: cells[1:]
    for line in TEXT.split("## How grave")[1].split("\n\n")[1].splitlines()[2:]
    if (cells := [cell.strip() for cell in line.strip("|").split("|")])
}


def test_every_rule_is_described():
    for identifier, rule in rules.RULES.items():
        assert rules.rule(identifier) is rule
        assert not any(text.endswith(".") for text in (rule.name, rule.short))
        assert all(text.endswith(".") for text in (rule.full, rule.help))
    assert "later" in rules.rule("later").short
