"""The largest context, and the most sequences, that fit a device: found by halving, for more of either never takes less."""

from collections.abc import Callable
from dataclasses import dataclass

from memscan.bills import Prepared, moments
from memscan.devices import Device

MOST_CONTEXT = 1 << 24  # tokens, where the model does not say how many it was made for
MOST_BATCH = 1 << 20


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
    return _largest(lambda context: _fits(prepared, device, context=context, batch=batch), most)


def largest_batch(prepared: Prepared, device: Device, *, context: int) -> Largest | None:
    """The most sequences of `context` tokens at once on `device`; None as above."""
    return _largest(lambda batch: _fits(prepared, device, context=context, batch=batch), MOST_BATCH)


def _fits(prepared: Prepared, device: Device, *, context: int, batch: int) -> bool | None:
    """Whether the fullest device holds it; None where that is not known."""
    fullest, bills = prepared.fullest(context=context, batch=batch, device=device)
    items = bills[fullest]
    if max(one.nbytes for one in moments(items)) > device.usable_bytes:
        return False
    return None if any(item.nbytes is None for lines in bills for item in lines) else True


def _largest(fits: Callable[[int], bool | None], most: int) -> Largest | None:
    first = fits(1)
    if not first:
        return None if first is None else Largest(number=0, bounded=False)
    low, high = 1, 2
    while high < most and fits(high):
        low, high = high, high * 2
    if high >= most:
        if fits(most):
            return Largest(number=most, bounded=True)
        high = most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return Largest(number=low, bounded=False)
