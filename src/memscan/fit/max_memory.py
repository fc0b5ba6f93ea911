"""How much of each device a model may take: `0=10GiB,1=10GiB,cpu=30GiB`."""

import re
from collections.abc import Mapping

from memscan.document import shown
from memscan.errors import UsageError
from memscan.size import parse_size

NAMED = ("mps", "cpu", "disk")  # in the order in which accelerate fills them, behind the numbered devices
MOST = 4_096  # devices; no program drives more
LONGEST = 100_000  # characters of the option
NUMBER = re.compile(r"[0-9]{1,4}")
EXPECTED = "expected devices with sizes, such as 0=10GiB,1=10GiB,cpu=30GiB"


def parse_max_memory(word: str) -> Mapping[int | str, int]:
    """Bytes by device, in the order in which they are filled: numbered GPUs, then `mps`, `cpu` and `disk`.

    GB is 10^9 and GiB 2^30, as accelerate reads `max_memory` (`get_max_memory` of accelerate/utils/modeling.py, 1.15.0).
    UsageError where a device is none, stands twice or has no size.
    """
    found: dict[int | str, int] = {}
    for part in word.split(",") if len(word) <= LONGEST else ():
        name, equals, size = part.partition("=")
        if not equals:
            raise UsageError(f"{shown(part)} in --max-memory is no device with a size: {EXPECTED}")
        device = _device(name.strip())
        if device in found:
            raise UsageError(f"--max-memory has the device {device} twice: {EXPECTED}")
        found[device] = parse_size(size)
    if not 0 < len(found) <= MOST:
        raise UsageError(f"--max-memory has no device, or more than {MOST:,}: {EXPECTED}")
    return ordered(found)


def ordered(memory: Mapping[int | str, int]) -> Mapping[int | str, int]:
    """The devices in the order in which they are filled."""
    devices: list[int | str] = [*sorted(device for device in memory if isinstance(device, int))]
    devices += [name for name in NAMED if name in memory]
    return {device: memory[device] for device in devices}


def _device(name: str) -> int | str:
    if NUMBER.fullmatch(name):
        return int(name)
    if name.lower() in NAMED:
        return name.lower()
    raise UsageError(f"{shown(name)} in --max-memory is no device: expected the number of a GPU, cpu, disk or mps")
