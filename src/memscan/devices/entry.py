"""One entry of a table of devices, read strictly: every error names the entry and the key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from memscan.devices.base import GPU, KINDS, Device
from memscan.document import Document, shown
from memscan.errors import FormatError, UsageError
from memscan.item import Basis
from memscan.size import LARGEST, parse_size

KEYS = frozenset({"name", "title", "vendor", "aliases", "kind", "marketed", "usable", "rule", "source"})
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")  # begins with a letter: `4x...` is a count and `24...` a size
LONGEST = 100  # characters of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What share of the marketed memory can be used, for devices that nobody measured."""

    name: str
    share: float
    source: str


def rules(document: Document | None) -> Mapping[str, Rule]:
    """The rules of a table, by name."""
    return {} if document is None else {name: _rule(document, name) for name in document.values}


def device(entry: Document, known: Mapping[str, Rule]) -> Device:
    """The device that `entry` describes; `known` are the rules of its table."""
    name = _required(entry, "name")
    entry = Document(f"{entry.path} ({shown(name)})", entry.values)
    _check_name(entry, "name", name)
    unknown = sorted(entry.values.keys() - KEYS)
    if unknown:
        raise FormatError(f"{entry.path}: unknown key {shown(unknown[0])}, expected {', '.join(sorted(KEYS))}")
    kind = entry.text("kind") or GPU
    if kind not in KINDS:
        raise FormatError(f"{entry.path}: kind is {shown(kind)}, expected {', '.join(KINDS)}")
    aliases = entry.texts("aliases")
    for alias in aliases:
        _check_name(entry, "aliases", alias)
    marketed = _size(entry, "marketed")
    usable, basis, source = _usable(entry, marketed, known)
    return Device(
        name=name, title=_required(entry, "title"), vendor=entry.text("vendor") or "", marketed_bytes=marketed,
        usable_bytes=usable, basis=basis, source=source, kind=kind, aliases=aliases,
    )  # fmt: skip


def _usable(entry: Document, marketed: int, known: Mapping[str, Rule]) -> tuple[int, Basis, str]:
    named = entry.text("rule")
    if (named is None) == (entry.values.get("usable") is None):
        raise FormatError(f"{entry.path}: expected either usable or rule, the one that is known")
    if named is None:
        usable = _size(entry, "usable")
        if usable > marketed:
            raise FormatError(
                f"{entry.path}: usable is {shown(entry.values['usable'])}, expected at most the marketed "
                f"{shown(entry.values['marketed'])} (GB is 10^9 bytes, GiB is 2^30)"
            )
        return usable, Basis.MEASURED, entry.text("source") or f"stated in {entry.path}"
    rule = known.get(named)
    if rule is None:
        raise FormatError(
            f"{entry.path}: rule is {shown(named)}, expected one of {', '.join(known) or 'none: there are no rules'}"
        )
    # In integers, so that every machine rounds alike.
    return marketed * round(rule.share * 10**6) // 10**6, Basis.ASSUMED, f"{rule.share:g} of the marketed: {rule.source}"


def _rule(document: Document, name: str) -> Rule:
    values = document.child(name)
    share = None if values is None else values.values.get("share")
    if values is None or isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise FormatError(f"{document.path}: {shown(name)} has the share {shown(share)}, expected a number above 0 and up to 1")
    return Rule(name=name, share=share, source=values.text("source") or f"a rule of {document.path}")


def _required(entry: Document, key: str) -> str:
    value = entry.text(key)
    if not value or len(value) > LONGEST:
        raise FormatError(f"{entry.path}: {key} is {shown(value)}, expected a text of 1 to {LONGEST} characters")
    return value


def _check_name(entry: Document, key: str, name: str) -> None:
    if len(name) > LONGEST or not NAME.fullmatch(name):
        raise FormatError(f"{entry.path}: {key} holds {shown(name)}, expected lower-case words with dashes between: rtx-4090")


def _size(entry: Document, key: str) -> int:
    value = entry.values.get(key)
    try:
        nbytes = value if isinstance(value, int) and not isinstance(value, bool) else parse_size(entry.text(key) or "")
    except UsageError as error:
        raise FormatError(f"{entry.path}: {key}: {error}") from error
    if not 0 < nbytes <= LARGEST:
        raise FormatError(f"{entry.path}: {key} is {shown(value)}, expected more than none and at most {LARGEST:,} bytes")
    return nbytes
