"""How much more something may be than before: `5%`, `500MB`, `0`."""

import re

from memscan.document import shown
from memscan.errors import UsageError
from memscan.size import parse_size

PLACES, SCALE = 6, 10**6  # decimals of a share
BARE = re.compile(r"[0-9]*\.?[0-9]*")
PERCENT = re.compile(r"([0-9]{1,6})(?:\.([0-9]{1,6}))?\s*%")


def allowed(growth: str, base: int) -> int:
    """The bytes by which something of `base` bytes may grow, rounded down; UsageError where it is neither a share nor a size."""
    share = PERCENT.fullmatch(growth.strip())
    if share is not None:
        return int(share[1] + (share[2] or "").ljust(PLACES, "0")) * base // (100 * SCALE)
    if BARE.fullmatch(growth.strip()) and growth.strip(" 0."):
        raise UsageError(f"{shown(growth)} has two meanings: write {growth.strip()}% for a share, or {growth.strip()}B for bytes")
    try:
        return parse_size(growth)
    except UsageError as error:
        raise UsageError(f"{shown(growth)} is no growth: expected a share such as 5% or a size such as 500MB") from error
