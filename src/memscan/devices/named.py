"""So many of one device, as a user writes it.

| word | meaning |
|---|---|
| `rtx-4090`, `RTX 4090`, `4090` | one device by its name; case, dashes, spaces and makers' words do not matter |
| `a100-80gb`, `A100 80GB` | of a device that is sold in several sizes |
| `4xh100`, `4 x h100`, `h100:4` | four of them |
| `24GiB`, `2x24GiB` | of a size: all of it can be used |
| `cpu:64GiB`, `ram:64GiB` | the processor's memory |
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from memscan.devices.base import GPU, RAM, Device
from memscan.devices.table import Devices
from memscan.document import shown
from memscan.errors import UsageError
from memscan.item import Basis
from memscan.size import is_size, parse_size

LONGEST = 100  # characters of a word
MOST = 1_000_000  # devices together; the largest clusters have a tenth
MAKERS = frozenset({"nvidia", "geforce", "tesla", "amd", "radeon", "instinct", "intel", "apple", "google"})
SERIES = ("rtx", "gtx", "rx", "arc")
SAME = {"mobile": "laptop"}
COUNTED = re.compile(r"([0-9]+)\s*[x\u00d7*]\s*(.+)|(.+):\s*([0-9]+)")
MEMORY = re.compile(r"(?<![a-z0-9])([0-9]{1,6})\s*gi?b$")
NEAR = 4  # names that a message proposes
EXAMPLES = "a name (rtx-4090), a number of them (4xh100), a size (24GiB) or cpu:64GiB; `memscan devices` lists the names"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """So many of one device."""

    device: Device
    count: int

    @property
    def usable_bytes(self) -> int:
        """What can be used of all of them together."""
        return self.count * self.device.usable_bytes


def parse_device(word: str, devices: Devices) -> Named:
    """What `word` names.

    UsageError where `devices` has no such name (with the nearest ones), where several may be meant (with all of them), or where a
    size or a count makes no sense.
    """
    text = word.strip()
    if not text or len(text) > LONGEST:
        raise UsageError(f"{shown(word)} is no device: expected {EXAMPLES}")
    processor = re.match(r"(?:cpu|ram)(?:\s*:\s*(.*))?$", text, re.IGNORECASE | re.DOTALL)
    if processor is not None:
        return Named(device=_processor(processor[1] or ""), count=1)
    # A name of the table goes first: 7900xtx is no 7,900 of anything.
    counted = None if _named(text, devices) else COUNTED.fullmatch(text)
    if counted is None:
        return Named(device=_one(text, devices), count=1)
    before, of, alone, behind = counted.groups()
    return Named(device=_one(of or alone, devices), count=_count(before or behind, word))


def _processor(size: str) -> Device:
    if not size.strip():
        raise UsageError("cpu is no size: say how much memory the processor has, such as cpu:64GiB")
    nbytes = _given(size)
    return Device(
        name="cpu", title=f"the processor's memory, {size.strip()}", vendor="", marketed_bytes=nbytes, usable_bytes=nbytes,
        basis=Basis.DERIVED, source="as given", kind=RAM,
    )  # fmt: skip


def _given(size: str) -> int:
    nbytes = parse_size(size)
    if not nbytes:
        raise UsageError(f"{shown(size)} is no memory at all: expected a size such as 24GiB")
    return nbytes


def _count(digits: str, word: str) -> int:
    count = int(digits) if len(digits) < len(str(MOST)) + 1 else MOST + 1
    if not 0 < count <= MOST:
        raise UsageError(f"{shown(word)} asks for {shown(digits)} devices: expected 1 to {MOST:,}")
    return count


def _one(word: str, devices: Devices) -> Device:
    text = word.strip()
    found = _named(text, devices)
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{shown(text)} is sold as {', '.join(one.name for one in found)}: say which")
    if is_size(text):
        nbytes = _given(text)
        return Device(
            name=text, title=f"a device of {text}", vendor="", marketed_bytes=nbytes, usable_bytes=nbytes, basis=Basis.DERIVED,
            source="as given", kind=GPU,
        )  # fmt: skip
    near = _near(text, devices)
    raise UsageError(f"no device is called {shown(text)}: " + (f"near are {', '.join(near)}" if near else f"expected {EXAMPLES}"))


def _near(word: str, devices: Devices) -> Sequence[str]:
    """The names that begin with `word`, then those that are like it."""
    text = re.sub(r"[\s_]+", "-", word.lower())
    names = [one.name for one in devices]
    longer = [name for name in names if name.startswith(f"{text}-")]
    return list(dict.fromkeys([*longer, *difflib.get_close_matches(text, names, n=NEAR, cutoff=0.5)]))[:NEAR]


def _named(word: str, devices: Devices) -> Sequence[Device]:
    """The devices that `word` may mean: those of that name, else of that name with or without a size, else without the series."""
    asked = _Key.of(word)
    known = [(one, [_Key.of(name) for name in (one.name, *one.aliases, one.title.partition(" (")[0])]) for one in devices]
    bare = [(one, [_Key(key.name.removeprefix(series), key.memory) for key in keys for series in SERIES]) for one, keys in known]
    for table in (known, bare):
        exact = [one for one, keys in table if asked in keys]
        sized = [one for one, keys in table if any(asked.may_be(key, one) for key in keys)]
        if exact or sized:
            return exact or sized
    return ()


@dataclass(frozen=True, slots=True)
class _Key:
    """What is left of a name for comparison."""

    name: str
    memory: str
    """The size at its end, if there is one: `80`."""

    @classmethod
    def of(cls, word: str) -> "_Key":
        text = word.lower()
        memory = MEMORY.search(text)
        parts = re.findall(r"[a-z]+|[0-9]+", text if memory is None else text[: memory.start()])
        return cls("".join(SAME.get(part, part) for part in parts if part not in MAKERS), "" if memory is None else memory[1])

    def may_be(self, other: "_Key", device: Device) -> bool:
        """Whether `other`, a name of `device`, is this one but for a size that only one of them has."""
        if not self.name or self.name != other.name or bool(self.memory) == bool(other.memory):
            return False
        return not self.memory or device.marketed_bytes == int(self.memory) * 2**30
