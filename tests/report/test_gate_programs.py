"""The JSON and the CSV of a gate, for programs."""

import csv
import io
import json
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from memscan.budget import Gate
from memscan.cli import options
from memscan.report import FORMATS
from memscan.report.gates import GATE_FORMATS, render_gate
from tests.report.gates import EMPTY, EVERY, EXCEEDED, GROWN, HOSTILE, MIXED, ORDINARY, UNREAD, hostile

SCHEMA = json.loads(files("memscan.report").joinpath("schema.json").read_text())
GATE = Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": "#/$defs/gate"}]})


def test_the_command_line_offers_every_format():
    assert (*options.OUTPUT_FORMATS, "html", *options.GATE_FORMATS) == GATE_FORMATS
    assert GATE_FORMATS[: len(FORMATS)] == FORMATS


def test_an_unknown_format_is_not_rendered():
    with pytest.raises(ImportError):
        render_gate(ORDINARY, "xml")


class TestJson:
    @pytest.mark.parametrize("name", EVERY)
    def test_it_keeps_to_the_schema(self, name):
        document = json.loads(render_gate(EVERY[name], "json"))
        GATE.validate(document)
        Draft202012Validator(SCHEMA).validate(document)

    def test_all_of_a_finding_is_there(self):
        document = json.loads(render_gate(MIXED, "json"))
        assert (document["outcome"], document["fails"]) == ("exceeded", True)
        found = document["findings"][1]
        assert found["figure"] == {
            "name": "total size", "bytes": 352_494_542_848, "low_bytes": 352_494_542_848, "high_bytes": 352_494_542_848,
            "basis": "measured", "bound": "exact", "detail": "",
        }  # fmt: skip
        assert found["limit"] == {"bytes": 24 * 10**9, "stated": "24GB"}
        assert found["margin_bytes"] == 24 * 10**9 - 352_494_542_848
        assert found["place"] == {"path": "memscan.toml", "line": 12}
        assert len(found["modules"]) == len(EXCEEDED.facts["modules"])
        unread = document["findings"][4]
        assert (unread["figure"], unread["margin_bytes"]) == (None, None)
        assert unread["error"] == {"error": "GatedError", "message": str(UNREAD.error)}

    @pytest.mark.parametrize("word", HOSTILE, ids=range(len(HOSTILE)))
    def test_names_come_back_as_they_were(self, word):
        document = json.loads(render_gate(hostile(word), "json"))
        assert [one["target"] for one in document["findings"]] == [word] * 6
        assert document["findings"][1]["modules"] == [{"name": word, "bytes": 5}]
        assert document["findings"][1]["facts"] == {"more": word}

    def test_facts_of_any_kind_are_shown(self):
        from dataclasses import replace

        facts = {"a": (1, 2.5, None, True), "b": {"c": EXCEEDED.outcome, 3: {"x"}}}
        document = json.loads(render_gate(Gate(findings=(replace(GROWN, facts=facts),)), "json"))
        assert document["findings"][0]["facts"] == {"a": [1, 2.5, None, True], "b": {"c": "exceeded", "3": "{'x'}"}}

    def test_an_empty_gate_is_within(self):
        document = json.loads(render_gate(EMPTY, "json"))
        assert (document["outcome"], document["fails"], document["findings"]) == ("within", False, [])


class TestCsv:
    @pytest.mark.parametrize("name", EVERY)
    def test_it_can_be_read_back(self, name):
        text = render_gate(EVERY[name], "csv")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["outcome"] for row in rows] == [one.outcome.value for one in EVERY[name].findings]
        assert len(text.splitlines()) == 1 + len(rows)
        for row in rows:
            assert None not in row
            assert not any(value.startswith(("=", "+", "@")) for value in row.values())
            # A number may be negative; a stranger's word starts with nothing that a spreadsheet computes.
            assert not any(row[key].startswith("-") for key in ("target", "rule", "dtype", "case", "path", "message", "limit"))

    def test_numbers_are_exact(self):
        rows = list(csv.DictReader(io.StringIO(render_gate(MIXED, "csv"))))
        assert (rows[1]["bytes"], rows[1]["limit_bytes"], rows[1]["margin_bytes"]) == (
            "352494542848",
            "24000000000",
            "-328494542848",
        )
        assert (rows[4]["bytes"], rows[4]["error"], rows[4]["outcome"]) == ("", "GatedError", "not read")
