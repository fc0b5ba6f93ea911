"""What a cache of keys and values costs beside what it keeps: transformers 5.23.0, `cache_utils.py` (`DynamicLayer.update`)."""

from memscan.activations.ledger import Kind, Size
from memscan.activations.setup import Setup
from memscan.activations.tape import Tape
from memscan.activations.tensor import Tensor


def kept(tape: Tape, setup: Setup, one: Tensor, window: int | None) -> Tensor:
    """Keys or values with those of the past before them, as attention is given them: `cat` makes both anew.

    A sliding layer keeps a view of `window - 1` tokens, and with it the bytes of all until the next token.
    """
    past = setup.past if window is None else min(setup.past, window - 1)
    sequences, count, tokens, width = one.shape
    staying = tokens if window is None else max(0, min(tokens, window - 1 - past))
    before = tape.new((sequences, count, Size("past", past), width), one.itemsize)
    made = tape.new((sequences, count, Size("tokens kept", staying), width), one.itemsize, kind=Kind.CACHE)
    beyond = tape.new((sequences, count, Size("tokens beyond the window", tokens - staying), width), one.itemsize)
    del before
    setup.store.extend((made, beyond))
    return made.view((sequences, count, Size("past + tokens" if past else tokens.name, past + tokens), width))
