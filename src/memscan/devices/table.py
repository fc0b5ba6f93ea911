"""The table of devices: the one that comes with memscan, and a user's own in the same format.

    {"format": 1,
     "rules": {"nvidia-hbm": {"share": 0.98, "source": "..."}},
     "devices": [{"name": "h800", "title": "NVIDIA H800", "vendor": "NVIDIA", "marketed": "80GiB", "rule": "nvidia-hbm"},
                 {"name": "mine", "title": "My card", "marketed": "24GiB", "usable": "23.5GiB", "source": "..."}]}

A device has either `usable`, which somebody measured, or `rule`, which says what share of the marketed memory is assumed. Sizes
are numbers of bytes or what `memscan.size` reads. `rules`, `vendor`, `kind` (`gpu`, `unified`, `ram`), `aliases` and `source` may
be left out.

The shares are the lowest that was measured on devices of the class, so that what is said to fit by a rule fits. What the
devices are sold with follows the list of https://github.com/huggingface/huggingface.js (packages/tasks/src/hardware*.ts), its
slips corrected: sizes that Apple never sold, RTX A5000 with 8 and 12 GB, RX 7600 XT with 8.
"""

import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from memscan.devices.base import Device
from memscan.devices.entry import Rule, device, rules
from memscan.document import Document, shown
from memscan.errors import FormatError, UsageError

FORMAT = 1
KEYS = frozenset({"format", "rules", "devices"})
MOST = 10_000  # devices in one file


@dataclass(frozen=True, slots=True)
class Devices:
    """A table of devices, by their names, in the order of the file."""

    by_name: Mapping[str, Device]

    def __iter__(self) -> Iterator[Device]:
        return iter(self.by_name.values())

    def __len__(self) -> int:
        return len(self.by_name)

    @classmethod
    def parse(cls, raw: bytes, path: str) -> "Devices":
        """The table in the JSON `raw`; `path` names it in messages.

        FormatError where it breaks its format, with the entry and the key.
        """
        document = Document.parse(raw, path)
        unknown = sorted(document.values.keys() - KEYS)
        if unknown:
            raise FormatError(f"{path}: unknown key {shown(unknown[0])}, expected {', '.join(sorted(KEYS))}")
        version = document.integer("format")
        if version != FORMAT:
            raise FormatError(f"{path}: format is {shown(version)}, expected {FORMAT}")
        return cls(_by_name(document, rules(document.child("rules"))))

    def named(self, name: str) -> Device:
        """The device of exactly that name; UsageError where there is none. A user's own word is for `parse_device`."""
        found = self.by_name.get(name)
        if found is None:
            raise UsageError(f"no device is called {shown(name)}: `memscan devices` lists the names")
        return found

    def extended_by(self, other: "Devices") -> "Devices":
        """The table with the devices of `other` too, which take the place of those of the same name."""
        return Devices({**self.by_name, **other.by_name})


@cache
def builtin() -> Devices:
    """The table that comes with memscan."""
    return Devices.parse(pkgutil.get_data("memscan.devices", "devices.json") or b"", "devices.json")


def _by_name(document: Document, known: Mapping[str, Rule]) -> Mapping[str, Device]:
    entries = document.children("devices")
    if not 0 < len(entries) <= MOST:
        raise FormatError(f"{document.path}: devices has {len(entries):,} entries, expected 1 to {MOST:,}")
    found: dict[str, Device] = {}
    taken: set[str] = set()
    for entry in entries:
        made = device(entry, known)
        for name in (made.name, *made.aliases):
            if name in taken:
                raise FormatError(f"{entry.path}: the name {shown(name)} stands twice in the table")
            taken.add(name)
        found[made.name] = made
    return found
