"""JUnit XML: one suite, one case for each finding.

There is no one specification; this is what Jenkins' xUnit plugin calls junit-10.xsd, and what GitLab, Azure Pipelines, CircleCI
and others read. A limit that is exceeded is a failure; a target that could not be read is an error; an unknown that is only to be
warned of is skipped: shown, and no failure.
"""

import re
from collections.abc import Iterator
from html import escape

from memscan.budget import Finding, Gate, Outcome
from memscan.printable import safe
from memscan.report.gate.identity import Identity, identities
from memscan.report.gate.orders import broken_xml
from memscan.report.gate.words import Gravity, gravity, headline, sentence
from memscan.report.words import short

# What XML 1.0 has no way to say (https://www.w3.org/TR/xml/#charsets) and `safe` leaves.
NO_CHARACTER = re.compile("[\ufffe\uffff]")


def render(gate: Gate) -> str:
    """The document."""
    kinds = [_kind(finding) for finding in gate.findings]
    counts = f'tests="{len(kinds)}" failures="{kinds.count("failure")}" errors="{kinds.count("error")}"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="memscan" {counts}>',
        f'  <testsuite name="memscan" {counts} skipped="{kinds.count("skipped")}">',
        *(line for pair in zip(gate.findings, identities(gate), strict=True) for line in _case(*pair)),
        f"    <system-out>{_text(headline(gate))}</system-out>",
        "  </testsuite>",
        "</testsuites>",
    ]
    return broken_xml("\n".join(lines))


def _kind(finding: Finding) -> str:
    """The element that says what came of it."""
    if finding.fails:
        return "error" if finding.outcome is Outcome.NOT_READ else "failure"
    return "system-out" if gravity(finding) in (Gravity.NOTICE, Gravity.NONE) else "skipped"


def _case(finding: Finding, identity: Identity) -> Iterator[str]:
    kind, words = _kind(finding), _text(sentence(finding))
    yield f'    <testcase classname="memscan.{_text(finding.rule)}" name="{_text(_name(finding, identity))}">'
    if kind == "system-out":
        yield f"      <system-out>{words}</system-out>"
    else:
        cause = finding.outcome.value if finding.error is None else type(finding.error).__name__
        where = "" if finding.place is None else f"{_text(short(finding.place.path))}:{finding.place.line}: "
        yield f'      <{kind} type="{_text(cause)}" message="{words}">{where}{words}</{kind}>'
    yield "    </testcase>"


def _name(finding: Finding, identity: Identity) -> str:
    """The same in every run, and another for every finding: CI systems follow a test by it."""
    words = short(finding.target)
    if words != finding.target:
        words += f" ({identity.fingerprint[:8]})"
    dtype = f" in {finding.dtype}" if finding.dtype is not None else ""
    case = f", {finding.case}" if finding.case else ""
    return f"{words}{dtype}{case}" + (f" #{identity.number}" if identity.number > 1 else "")


def _text(text: str) -> str:
    """`text` as XML has it, in an attribute or outside."""
    return escape(NO_CHARACTER.sub("\ufffd", safe(text)))
