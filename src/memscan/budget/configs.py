"""Stored tensors beside what the config declares, as a finding of a gate."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from memscan.budget.base import Finding, Outcome
from memscan.budget.verdicts import FAIL, blank, not_read
from memscan.document import shown
from memscan.errors import MemscanError
from memscan.loading.against import Disagreement, Fault
from memscan.model import Model
from memscan.model.against import Against, against_config
from memscan.printable import shown_word
from memscan.units import plural

RULE = "config"
NAMED = 3  # tensors of one kind, in a sentence
LISTED = 1_000  # tensors, for programs
SAID = {
    Fault.SHAPE: "of another shape",
    Fault.MISSING: "missing",
    Fault.BEYOND: "of more layers than it declares",
    Fault.UNEXPECTED: "unexpected",
}


def config_finding(target: str, model: Model | MemscanError, *, unknown: str) -> Finding:
    """What came of holding `model` against its own config."""
    origin = None if isinstance(model, MemscanError) else model.origin
    word, commit = (shown_word(target), None) if origin is None else (origin.requested, origin.commit)
    start = blank(RULE, word, dtype=None, place=None, commit=commit)
    try:
        if isinstance(model, MemscanError):
            raise model
        found = against_config(model)
    except MemscanError as error:
        return not_read(start, error)
    if found.unknown is not None:
        message = f"{start.target}: whether its tensors are those of config.json is not known: {found.unknown}"
        return replace(start, outcome=Outcome.UNKNOWN, fails=unknown == FAIL, message=message)
    if not found.found:
        message = f"{start.target}: all {plural(found.tensors, 'tensor')} are those that {found.class_name} has by config.json"
        return replace(start, outcome=Outcome.WITHIN, fails=False, message=message)
    # What is stored besides is left on loading, and all that the class has is there: no fault of the upload.
    fails = any(one.fault is not Fault.UNEXPECTED for one in found.found)
    return replace(start, outcome=Outcome.DIFFERS, fails=fails, message=_sentence(start.target, found), facts=_facts(found))


def _sentence(target: str, found: Against) -> str:
    counts = Counter(one.fault for one in found.found)
    there = [(fault, words) for fault, words in SAID.items() if counts[fault]]
    parts = [f"{counts[fault]:,} {words} ({', '.join(_named(found, fault))})" for fault, words in there]
    return f"{target}: {plural(len(found.found), 'tensor')} not as {found.class_name} has them by config.json: {'; '.join(parts)}"


def _named(found: Against, fault: Fault) -> Iterator[str]:
    some = [one for one in found.found if one.fault is fault]
    for one in some[:NAMED]:
        shapes = f" {list(one.stored or ())} for {list(one.declared or ())}" if fault is Fault.SHAPE else ""
        yield f"{shown(one.name)[1:-1]}{shapes}"
    if len(some) > NAMED:
        yield "..."


def _facts(found: Against) -> dict[str, object]:
    return {"tensors": [_fact(one) for one in found.found[:LISTED]], "disagreements": len(found.found)}


def _fact(one: Disagreement) -> dict[str, object]:
    return {
        "name": one.name,
        "fault": one.fault.value,
        "stored": None if one.stored is None else list(one.stored),
        "declared": None if one.declared is None else list(one.declared),
    }
