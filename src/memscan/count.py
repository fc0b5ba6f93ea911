"""Counts as people write them: `8192`, `8,192`, `8_192`, `8k`, `1m` (in powers of 1024, as contexts are)."""

import re

from memscan.errors import UsageError

COUNT = re.compile(r"(\d[\d_,]*)([kKmM]?)", re.ASCII)
SCALES = {"": 1, "k": 1 << 10, "m": 1 << 20}
LONGEST = 20  # characters; a longer number is no count


def parse_count(word: str) -> int:
    """The number that `word` stands for; UsageError where it is no whole number of at least 1."""
    found = COUNT.fullmatch(word) if len(word) <= LONGEST else None
    number = 0 if found is None else int(re.sub("[_,]", "", found[1])) * SCALES[found[2].lower()]
    if number < 1:
        raise UsageError(f"{word[:LONGEST]!a} is not a count; expected a whole number of at least 1, such as 8192 or 8k")
    return number
