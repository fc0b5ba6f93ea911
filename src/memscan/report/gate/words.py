"""What every output says of a finding: its sentence, its title, how grave it is."""

from enum import IntEnum

from memscan.budget import Finding, Gate, Outcome
from memscan.printable import safe
from memscan.report.gate.orders import broken
from memscan.report.words import MAX_NAME, short
from memscan.units import both_units, plural

MAX_SENTENCE = 3_000  # characters: a message with its details has some 400


class Gravity(IntEnum):
    """What a finding asks of its reader, the gravest first."""

    ERROR = 0
    """The gate is closed by it."""
    WARNING = 1
    """Not within the limit as far as is known, and only to be warned of."""
    NOTICE = 2
    """Within, and at the high end of its range it is not."""
    NONE = 3
    """Within."""


def gravity(finding: Finding) -> Gravity:
    """How grave a finding is."""
    if finding.fails:
        return Gravity.ERROR
    if finding.outcome is not Outcome.WITHIN:
        return Gravity.WARNING
    if finding.figure is not None and finding.limit is not None and finding.figure.high > finding.limit.nbytes:
        return Gravity.NOTICE
    return Gravity.NONE


def failing_first(gate: Gate) -> list[Finding]:
    """The findings by gravity, those of one gravity in their order."""
    return sorted(gate.findings, key=gravity)


def headline(gate: Gate) -> str:
    """What came of the gate, in one line: `failed: 5 limits, of which 2 exceeded, 3 within`."""
    if not gate.findings:
        return "passed: no limits"
    found = [finding.outcome for finding in gate.findings]
    counts = ", ".join(f"{found.count(one)} {one.value}" for one in WORST_FIRST if one in found)
    result = "failed" if any(finding.fails for finding in gate.findings) else "passed"
    return f"{result}: {plural(len(found), 'limit')}, of which {counts}"


WORST_FIRST = (Outcome.EXCEEDED, Outcome.DIFFERS, Outcome.NOT_READ, Outcome.UNKNOWN, Outcome.WITHIN)


def worst(gate: Gate) -> Outcome:
    """The worst outcome of the gate; one without findings is within its limits."""
    found = {finding.outcome for finding in gate.findings}
    return next((one for one in WORST_FIRST if one in found), Outcome.WITHIN)


def sentence(finding: Finding) -> str:
    """The message, printable, with no more of a long name than tells which it is."""
    target, message = finding.target, finding.message
    if len(target) > MAX_NAME:
        message = message.replace(target, short(target)).replace(safe(target), short(target))
    text = safe(message)
    return broken(text if len(text) <= MAX_SENTENCE else f"{text[: MAX_SENTENCE - 3]}...")


def title(finding: Finding) -> str:
    """What and which, without a figure: `total size exceeded: org/name in bfloat16`."""
    dtype = f" in {safe(finding.dtype)}" if finding.dtype is not None else ""
    return f"{what(finding)} {finding.outcome.value}: {name(finding)}{dtype}"


def name(finding: Finding) -> str:
    """The target, printable and short."""
    return broken(short(finding.target))


def what(finding: Finding) -> str:
    """What is limited: the figure's name, or the rule where there is no figure."""
    return safe(finding.rule if finding.figure is None else finding.figure.name)


def kind(finding: Finding) -> str:
    """The rule, and what tells the finding from others of it."""
    case = f", {broken(short(finding.case))}" if finding.case else ""
    return f"{safe(finding.rule)}{case}"


def outcome(finding: Finding) -> str:
    """The outcome, and that it does not count where it does not."""
    warned = ", warned of" if gravity(finding) is Gravity.WARNING else ""
    return f"{finding.outcome.value}{warned}"


def margin(finding: Finding) -> int | None:
    """Bytes that are left, negative where the limit is exceeded; None where there is no figure or no limit."""
    if finding.figure is None or finding.limit is None:
        return None
    return finding.limit.nbytes - finding.figure.nbytes


def exact(nbytes: int) -> str:
    """Exact bytes, and both units where these are others."""
    return f"{nbytes:,} bytes ({both_units(nbytes)})" if abs(nbytes) >= 1000 else both_units(nbytes)
