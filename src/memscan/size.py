"""Sizes of memory as people write them: `24GiB`, `24GB`, `1.5 TB`, `512 MiB`, `25769803776`.

`GB` is 10^9 bytes and `GiB` 2^30, as in IEC 80000-13 and in accelerate (`convert_file_size_to_int` of
accelerate/utils/modeling.py, 1.15.0). A bare `24G` is refused: tools disagree about what it is by 7 %.
"""

import re

from memscan.errors import UsageError

UNITS = {
    "": 1, "b": 1, "byte": 1, "bytes": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "pb": 10**15,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "pib": 2**50,
    "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40, "pi": 2**50,
}  # fmt: skip
LARGEST = 2**60  # no machine holds an exbibyte
LONGEST = 40  # characters of a word that can be a size, and of one in a message
SIZE = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+) *([A-Za-z]*)")
BITS = re.compile(r"[KMGTP]i?b")
EXPECTED = "expected a number with a unit, such as 24GiB (2^30), 24GB (10^9), 512MiB or 1.5TB"


def parse_size(word: str) -> int:
    """The bytes that `word` stands for, rounded down to whole ones; zero is a size.

    UsageError where it is none: no unit that memscan knows, negative, not a number, beyond 2^60 bytes, or of two meanings.
    """
    found = SIZE.fullmatch(word.strip()) if len(word) <= LONGEST else None
    if found is None:
        raise UsageError(f"{_shown(word)} is not a size: {EXPECTED}")
    number, unit = found.groups()
    if BITS.fullmatch(unit):
        raise UsageError(f"{_shown(word)} is in bits: write {unit[:-1]}B for bytes, such as {number}{unit[:-1]}B")
    if unit.lower() in ("k", "m", "g", "t", "p"):
        large = unit.upper()
        raise UsageError(
            f"{_shown(word)} has two meanings: write {number}{large}iB (powers of 1024) or {number}{large}B (of 1000)"
        )
    if unit.lower() not in UNITS:
        raise UsageError(f"{_shown(word)} is not a size: {unit} is no unit of memory; {EXPECTED}")
    whole, _, part = number.partition(".")
    nbytes: int = int(whole + part) * UNITS[unit.lower()] // 10 ** len(part)  # exactly: a limit is never rounded up
    if nbytes > LARGEST:
        raise UsageError(f"{_shown(word)} is more than any machine has ({LARGEST:,} bytes): {EXPECTED}")
    return nbytes


def is_size(word: str) -> bool:
    """Whether `word` is a number with letters behind it, as sizes are, right or wrong."""
    found = SIZE.fullmatch(word.strip()) if len(word) <= LONGEST else None
    return found is not None and bool(found[2])


def _shown(word: str) -> str:
    return ascii(word if len(word) <= LONGEST else f"{word[: LONGEST - 3]}...")
