"""What a budget asks, out of plain words: those of the command line, which a file spells the same."""

from collections.abc import Mapping
from typing import Any

from memscan.bills import Recipe, Workload, dtype_of, recipe_of, workload_of
from memscan.budget.asked import Asked
from memscan.budget.base import Limit, Place
from memscan.budget.figures import INFERENCE, TOTAL, TRAINING, check_subject
from memscan.budget.file import LEARNING, RUNNING, WORDS_OF
from memscan.budget.growth import allowed
from memscan.budget.verdicts import FAIL, UNKNOWNS
from memscan.devices import Device, Devices, parse_device
from memscan.document import shown
from memscan.errors import UsageError
from memscan.printable import shown_word
from memscan.size import parse_size
from memscan.units import iec_bytes

SCAN = {
    "revision": "revision", "library-name": "library", "scope": "scope", "file": "file", "subfolder": "subfolder",
    "variant": "variant", "mmproj": "mmproj",
}  # fmt: skip
"""The words of a scan, and what `ScanOptions` calls them."""
SIZES = ("cuda-context", "allocator")
CASES = ("device", "revision", "scope", "file", "subfolder", "variant", *dict.fromkeys((*RUNNING, *LEARNING)))
"""What tells two budgets of one target, subject and dtype apart."""


def asked(words: Mapping[str, Any], devices: Devices, place: Place | None = None) -> Asked:
    """What these words ask; UsageError where they make no sense, alone or together. A word that is absent is not said."""
    target, subject = str(words["target"]), str(words.get("what", TOTAL))
    check_subject(subject)
    unknown = str(words.get("unknown", FAIL))
    if unknown not in UNKNOWNS:
        raise UsageError(f"unknown is {shown(unknown)}, expected {' or '.join(UNKNOWNS)}")
    _only(words, subject)
    limit, device, count = _limit(words, subject, devices)
    baseline, growth = words.get("baseline"), None if words.get("max-growth") is None else str(words["max-growth"])
    if growth is not None:
        allowed(growth, 0)
    if (baseline is None) != (growth is None):
        raise UsageError(f"{shown_word(target)}: baseline and max-growth belong together; give both")
    if limit is None and baseline is None:
        raise UsageError(f"{shown_word(target)}: no limit is given; say --max-memory 24GB or --device h100")
    case = ", ".join(f"{word} {words[word]}" for word in CASES if word in words)
    return Asked(
        target=target, subject=subject, dtype=dtype_of(words.get("dtype")), work=_work(words, subject), limit=limit,
        device=device, count=count, baseline=baseline, growth=growth, case=case, unknown=unknown, place=place,
        scan={name: words[word] for word, name in SCAN.items() if word in words},
    )  # fmt: skip


def _only(words: Mapping[str, Any], subject: str) -> None:
    """UsageError for a word that means nothing for the subject: it would be ignored in silence."""
    allowed = WORDS_OF.get(subject, ())
    for word in words:
        if word in (*RUNNING, *LEARNING) and word not in allowed:
            kinds = [kind for kind, known in WORDS_OF.items() if word in known]
            raise UsageError(f"--{word} is of --what {' or '.join(kinds)}, not of {subject}")
    if subject == TRAINING and "dtype" in words:
        raise UsageError("--dtype is not of --what training; give --precision")


def _limit(words: Mapping[str, Any], subject: str, devices: Devices) -> tuple[Limit | None, Device | None, int]:
    size, name = words.get("max-memory"), words.get("device")
    if size is not None and name is not None:
        raise UsageError("--max-memory and --device are two limits; give one")
    if size is not None:
        return Limit(nbytes=parse_size(str(size)), stated=str(size)), None, 1
    if name is None:
        return None, None, 1
    found = parse_device(str(name), devices)
    # What several devices share is weighed against one of them, and a layer stands on one; weights alone against all.
    count = found.count if subject == TOTAL else 1
    stated = f"{name} ({iec_bytes(found.device.usable_bytes)} usable{' each' if found.count > 1 else ''})"
    return Limit(nbytes=count * found.device.usable_bytes, stated=stated), found.device, found.count


def _work(words: Mapping[str, Any], subject: str) -> Workload | Recipe | None:
    if subject == INFERENCE:
        return workload_of(dtype=words.get("dtype"), **_arguments(words, RUNNING))
    return recipe_of(**_arguments(words, LEARNING)) if subject == TRAINING else None


def _arguments(words: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The words as arguments of a function; sizes become bytes."""
    return {
        name.replace("-", "_"): parse_size(words[name]) if name in SIZES and isinstance(words[name], str) else words[name]
        for name in names
        if name in words
    }
