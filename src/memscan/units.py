"""Bytes and counts as people read them; every number inside memscan stays an integer.

Two spellings of the same 1024-based sizes: the seed table's labels (KB, MB, GB, TB), which the field's tables have used
since `accelerate estimate-memory`, and the unambiguous IEC ones (KiB, MiB, GiB, TiB) everywhere else. Budgets show SI's GB (10^9)
beside them, because people state limits in it.
"""

SEED_LABELS = ("bytes", "KB", "MB", "GB", "TB", "PB")
SI_LABELS = ("bytes", "kB", "MB", "GB", "TB", "PB")
IEC_LABELS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def seed_bytes(nbytes: int) -> str:
    """`nbytes` in the units of the seed table: 1 MB = 1,048,576 bytes, two decimals, trailing zeros dropped."""
    return _scaled(nbytes, SEED_LABELS)


def iec_bytes(nbytes: int) -> str:
    """`nbytes` in IEC units: 1 MiB = 1,048,576 bytes, two decimals, trailing zeros dropped."""
    return _scaled(nbytes, IEC_LABELS)


def both_units(nbytes: int) -> str:
    """`nbytes` in powers of 1000 and of 1024: `16.06 GB, 14.96 GiB`; small ones in bytes alone."""
    if abs(nbytes) < 1000:
        return iec_bytes(nbytes)
    return f"{_scaled(nbytes, SI_LABELS, 1000)}, {iec_bytes(nbytes)}"


def _scaled(nbytes: int, labels: tuple[str, ...], base: int = 1024) -> str:
    if abs(nbytes) < base:
        return "1 byte" if nbytes == 1 else f"{nbytes} {labels[0]}"
    for power, label in enumerate(labels[1:], start=1):
        value = round(nbytes / base**power, 2)
        # Rounded first, compared second: 1,048,575 bytes are 1.0 MB, not 1024.0 KB.
        if abs(value) < base:
            return f"{value} {label}"
    return f"{round(nbytes / base ** (len(labels) - 1), 2)} {labels[-1]}"


def counted(number: int) -> str:
    """A count of parameters in the words of model cards: 7.24 B, 108.93 M, 12.5 K, 42."""
    for scale, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if number >= scale:
            return f"{round(number / scale, 2)} {letter}"
    return str(number)


def plural(number: int, noun: str) -> str:
    """`1 tensor`, `2 tensors`, `12,345 tensors`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
