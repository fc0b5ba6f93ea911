"""The largest context, and the most sequences, that fit a device: sought between two bounds, for more never takes less."""

from collections.abc import Callable
from dataclasses import dataclass

from memscan.bills import Prepared, moments
from memscan.devices import Device

MOST_CONTEXT = 1 << 24  # tokens, where the model does not say how many it was made for
MOST_BATCH = 1 << 20
SizeOf = Callable[[int], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Largest:
    """The most that fits."""

    number: int
    """0 where not even one fits."""
    bounded: bool
    """Whether the model, and not the memory, sets the bound."""


def largest_context(prepared: Prepared, device: Device, *, batch: int) -> Largest | None:
    """The largest context of `batch` sequences on `device`; None where lines are not known that might take the memory."""
    most = prepared.longest or MOST_CONTEXT
    return _answer(prepared, device, lambda tokens: _nbytes(prepared, device, context=tokens, batch=batch), most)


def largest_batch(prepared: Prepared, device: Device, *, context: int) -> Largest | None:
    """The most sequences of `context` tokens at once on `device`; None as above."""
    return _answer(prepared, device, lambda batch: _nbytes(prepared, device, context=context, batch=batch), MOST_BATCH)


def _answer(prepared: Prepared, device: Device, size: SizeOf, most: int) -> Largest | None:
    found = largest(size, device.usable_bytes, most)
    if not found:
        return Largest(number=0, bounded=False)
    _, bills = prepared.fullest(context=1, batch=1, device=device)
    if any(item.nbytes is None for items in bills for item in items):
        return None
    return Largest(number=found, bounded=found == most)


def _nbytes(prepared: Prepared, device: Device, *, context: int, batch: int) -> int:
    fullest, bills = prepared.fullest(context=context, batch=batch, device=device)
    return max(one.nbytes for one in moments(bills[fullest]))


def largest(size: SizeOf, limit: int, most: int) -> int:
    """The largest number from 0 to `most` whose `size` is within `limit`; `size` never falls.

    Sizes are nearly straight lines, so the next number to try is where the line between the two bounds meets the limit; every
    other one is the middle, for sizes that bend.
    """
    low, low_size, high, high_size = 1, size(1), most, size(most)
    if low_size > limit:
        return 0
    if high_size <= limit:
        return most
    straight = True
    while high - low > 1:
        step = (limit - low_size) * (high - low) // (high_size - low_size) if straight else (high - low) // 2
        middle = min(max(low + step, low + 1), high - 1)
        found = size(middle)
        straight = not straight or (found > limit and middle == low + 1)
        if found <= limit:
            low, low_size = middle, found
        else:
            high, high_size = middle, found
    return low
