"""JUnit, SARIF and GitLab's code quality against their published schemas, whatever the names are."""

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.validators import validator_for

from memscan.budget import Gate, Place
from memscan.errors import GatedError
from memscan.report.gates import render_gate
from tests.report.gates import EMPTY, EVERY, EXCEEDED, MAYBE, MIXED, ORDINARY, UNREAD, WARNED, figure, finding, hostile

SCHEMAS = Path(__file__).resolve().parents[2] / "fixtures" / "schemas"
JUNIT = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")
names = pytest.mark.parametrize("name", EVERY)


def valid(schema, text):
    schema = json.loads((SCHEMAS / schema).read_text())
    kind = validator_for(schema)
    document = json.loads(text)
    kind(schema, format_checker=kind.FORMAT_CHECKER).validate(document)
    return document


class TestJUnit:
    @names
    def test_it_keeps_to_the_schema_of_jenkins(self, name):
        JUNIT.validate(render_gate(EVERY[name], "junit"))

    @settings(max_examples=60, deadline=None)
    @given(st.text())
    def test_any_name_is_valid_xml(self, word):
        root = ET.fromstring(render_gate(hostile(word), "junit"))
        assert len(list(root.iter("testcase"))) == len(hostile(word).findings)

    def test_it_counts_what_it_holds(self):
        root = ET.fromstring(render_gate(MIXED, "junit"))
        suite = root.find("testsuite")
        for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(kind)) == len(list(suite.iter(tag)))
        assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("7", "3", "1", "1")
        assert root.get("failures") == "3"

    def test_what_failed_says_why_and_where(self):
        root = ET.fromstring(render_gate(MIXED, "junit"))
        failure = next(root.iter("failure"))
        assert failure.get("type") == "exceeded"
        assert failure.get("message") == EXCEEDED.message
        assert failure.text == f"memscan.toml:12: {EXCEEDED.message}"
        assert next(root.iter("error")).get("type") == "GatedError"

    def test_names_tell_findings_apart(self):
        long = ["n" * 300 + end for end in "ab"]
        twins = [finding("x/y", figure(1), dtype="int4") for _ in range(3)]
        gate = Gate(findings=(*twins, *(finding(one, figure(1)) for one in long), finding("x/y", figure(1), case="context 8192")))
        cases = [(one.get("classname"), one.get("name")) for one in ET.fromstring(render_gate(gate, "junit")).iter("testcase")]
        assert len(set(cases)) == 6
        assert ("memscan.total", "x/y in int4 #3") in cases
        assert ("memscan.total", "x/y, context 8192") in cases

    def test_an_empty_gate_has_no_cases(self):
        JUNIT.validate(render_gate(EMPTY, "junit"))
        assert not list(ET.fromstring(render_gate(EMPTY, "junit")).iter("testcase"))


class TestSarif:
    @names
    def test_it_keeps_to_the_schema_of_oasis(self, name):
        valid("sarif-2.1.0.json", render_gate(EVERY[name], "sarif"))

    def test_levels_and_rules(self):
        (run,) = valid("sarif-2.1.0.json", render_gate(MIXED, "sarif"))["runs"]
        rules = run["tool"]["driver"]["rules"]
        assert [rule["id"] for rule in rules] == ["total", "inference", "training", "growth"]
        assert [(one["ruleId"], one["level"]) for one in run["results"]] == [
            ("total", "error"), ("inference", "error"), ("inference", "warning"), ("training", "error"), ("growth", "error"),
        ]  # fmt: skip
        assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])

    def test_a_result_says_where(self):
        (run,) = valid("sarif-2.1.0.json", render_gate(MIXED, "sarif"))["runs"]
        (place,) = run["results"][0]["locations"]
        assert place["physicalLocation"] == {
            "artifactLocation": {"uri": "memscan.toml", "uriBaseId": "%SRCROOT%"}, "region": {"startLine": 12},
        }  # fmt: skip
        assert place["logicalLocations"][0]["fullyQualifiedName"] == "bigscience/bloom"
        assert run["results"][0]["properties"]["bytes"] == 352_494_542_848

    def test_without_a_file_of_budgets_the_target_is_the_place(self):
        gate = Gate(findings=(replace(EXCEEDED, place=None),))
        (run,) = valid("sarif-2.1.0.json", render_gate(gate, "sarif"))["runs"]
        assert list(run["results"][0]["locations"][0]) == ["logicalLocations"]

    def test_what_was_not_read_is_a_notification_too(self):
        (run,) = valid("sarif-2.1.0.json", render_gate(MIXED, "sarif"))["runs"]
        (invocation,) = run["invocations"]
        assert invocation["executionSuccessful"] is False
        assert invocation["toolExecutionNotifications"][0]["exception"]["kind"] == "GatedError"
        (good,) = valid("sarif-2.1.0.json", render_gate(ORDINARY, "sarif"))["runs"]
        assert good["invocations"][0]["executionSuccessful"] is True
        assert good["results"] == []

    @pytest.mark.parametrize("path", ["a b/c:d.toml", "x#y?z.toml", "ü/%41.toml", "..\\m.toml", "http://evil.example/x"])
    def test_a_path_is_a_relative_reference(self, path):
        gate = Gate(findings=(replace(EXCEEDED, place=Place(path=path, line=0)),))
        (run,) = valid("sarif-2.1.0.json", render_gate(gate, "sarif"))["runs"]
        physical = run["results"][0]["locations"][0]["physicalLocation"]
        assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", physical["artifactLocation"]["uri"])
        assert physical["region"]["startLine"] == 1

    def test_nothing_in_a_message_is_a_placeholder_or_a_link(self):
        (run,) = valid("sarif-2.1.0.json", render_gate(hostile("{0} [a](https://evil.example)"), "sarif"))["runs"]
        for result in run["results"]:
            assert "{{0}} [a\\](https" in result["message"]["text"]


class TestGitLab:
    @names
    def test_it_keeps_to_the_format(self, name):
        valid("gitlab-code-quality.json", render_gate(EVERY[name], "gitlab"))

    @settings(max_examples=60, deadline=None)
    @given(st.text())
    def test_any_name_keeps_to_the_format(self, word):
        valid("gitlab-code-quality.json", render_gate(hostile(word), "gitlab"))

    def test_an_issue(self):
        first, *_ = found = valid("gitlab-code-quality.json", render_gate(MIXED, "gitlab"))
        assert (first["check_name"], first["severity"], first["description"]) == ("memscan/total", "critical", EXCEEDED.message)
        assert first["location"] == {"path": "memscan.toml", "lines": {"begin": 12}}
        assert [one["severity"] for one in found] == ["critical", "major", "minor", "major", "critical"]

    def test_kept_limits_are_no_issues(self):
        assert valid("gitlab-code-quality.json", render_gate(Gate(findings=(*ORDINARY.findings, MAYBE)), "gitlab")) == []


class TestFingerprints:
    def of(self, *findings):
        gate = Gate(findings=findings)
        gitlab = [one["fingerprint"] for one in json.loads(render_gate(gate, "gitlab"))]
        (run,) = json.loads(render_gate(gate, "sarif"))["runs"]
        assert [one["partialFingerprints"]["memscanFinding/v1"] for one in run["results"]] == gitlab
        assert [one["partialFingerprints"]["primaryLocationLineHash"] for one in run["results"]] == [f"{one}:1" for one in gitlab]
        return gitlab

    def test_they_are_the_same_whatever_was_measured(self):
        other = replace(
            finding(EXCEEDED.target, figure(10**12), limit=replace(EXCEEDED.limit, nbytes=7, stated="7B")),
            place=Place(path="other.toml", line=99), commit="b" * 40,
        )  # fmt: skip
        unread = finding(EXCEEDED.target)
        assert self.of(EXCEEDED) == self.of(other) == self.of(unread)

    def test_no_two_of_a_gate_are_equal(self):
        every = [EXCEEDED, EXCEEDED, WARNED, UNREAD, replace(EXCEEDED, dtype="int4"), replace(EXCEEDED, case="batch 2")]
        assert len(set(self.of(*every))) == len(every)

    def test_they_do_not_change_from_version_to_version(self):
        assert self.of(EXCEEDED) == ["57313a703467908165dce52341cc2c73"]


def test_errors_of_any_kind_are_named():
    gate = Gate(findings=(replace(UNREAD, error=GatedError("ask"), message="ask"),))
    assert 'type="GatedError"' in render_gate(gate, "junit")
