"""Masks that are made before the layers: transformers 5.23.0, `masking_utils.py` (`sdpa_mask`, `eager_mask`)."""

from memscan.activations.ledger import Size
from memscan.activations.setup import ONE, Setup
from memscan.activations.tape import MASK, Tape
from memscan.activations.tensor import Tensor


def causal_mask(
    tape: Tape, setup: Setup, itemsize: int, *, window: int | None = None, tokens: Size | None = None
) -> Tensor | None:
    """None for `sdpa` where no window cuts in, bools for all sequences where one does, and for `eager` numbers for each.

    `tokens`: that ask, where these are not all.
    """
    past = setup.past if window is None else max(0, min(setup.past, window - 1))
    asking = setup.tokens if tokens is None else tokens
    keys = Size("past + tokens" if past else asking.name, past + asking)
    sliding = window is not None and keys >= window
    if not setup.eager and (not sliding or asking == 1):
        return None
    bools = tape.new((ONE, ONE, asking, keys), MASK)
    if sliding:
        # The window's and the causal one, and then both joined.
        causal = tape.new(bools.shape, MASK)
        bools = tape.new(bools.shape, MASK)
        del causal
    return tape.new((setup.sequences, ONE, asking, keys), itemsize) if setup.eager else bools
