"""Masks that are made before the layers: transformers 5.23.0, `masking_utils.py` (`sdpa_mask`, `eager_mask`)."""

from memscan.activations.ledger import Size
from memscan.activations.setup import ONE, Setup
from memscan.activations.tape import MASK, Tape
from memscan.activations.tensor import Tensor


def causal_mask(
    tape: Tape, setup: Setup, itemsize: int, *, window: int | None = None, tokens: Size | None = None
) -> Tensor | None:
    """None for `sdpa` where all keys are asked for, bools for all sequences where a window cuts in or several tokens follow a
    past, and for `eager` numbers for each.

    `tokens`: that ask, where these are not all.
    """
    past = setup.past if window is None else max(0, min(setup.past, window - 1))
    asking = setup.tokens if tokens is None else tokens
    keys = Size("past + tokens" if past else asking.name, past + asking)
    sliding = window is not None and keys >= window
    if not setup.eager and (asking == 1 or not (sliding or past)):
        return None  # `_ignore_causal_mask_sdpa`: the kernel's own causal mask is of as many queries as keys
    bools = tape.new((ONE, ONE, asking, keys), MASK)
    if sliding:
        # The window's and the causal one, and then both joined.
        causal = tape.new(bools.shape, MASK)
        bools = tape.new(bools.shape, MASK)
        del causal
    return tape.new((setup.sequences, ONE, asking, keys), itemsize) if setup.eager else bools
