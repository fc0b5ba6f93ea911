"""The list of devices that comes with memscan, and the user's own on top."""

import os
from pathlib import Path

from memscan.devices import Devices, builtin
from memscan.errors import UsageError

VARIABLE = "MEMSCAN_DEVICES"
MAX_FILE = 5_000_000  # bytes; the list that comes with memscan has a hundredth of it


def own_devices(file: str | None = None) -> Devices:
    """The devices of `file`, or of the one that MEMSCAN_DEVICES names, over those that come with memscan.

    UsageError where the file cannot be read, FormatError where it is no list of devices.
    """
    word = file or os.environ.get(VARIABLE)
    if not word:
        return builtin()
    path = Path(word)
    try:
        if path.stat().st_size > MAX_FILE:
            raise UsageError(f"{word} is larger than {MAX_FILE:,} bytes: no list of devices")
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the devices in {word}: {error.strerror or error}") from error
    return builtin().extended_by(Devices.parse(raw, word))
