"""Rotary position embeddings: `apply_rotary_pos_emb` and `rotate_half` of transformers 5.23.0, `models/llama`."""

from memscan.activations.ledger import Size
from memscan.activations.pointwise import add, joined, mul, part, scale
from memscan.activations.setup import ONE, Setup
from memscan.activations.tape import Tape
from memscan.activations.tensor import Tensor

Rotary = tuple[Tensor, Tensor]
"""Cosines and sines."""


def angles(tape: Tape, setup: Setup, width: Size, itemsize: int) -> Rotary:
    """For every position, the same for all sequences."""
    shape = (ONE, ONE, setup.tokens, width)
    return tape.new(shape, itemsize), tape.new(shape, itemsize)


def rotated(tape: Tape, one: Tensor, rotary: Rotary, width: Size | None) -> Tensor:
    """Queries or keys, turned; with a `width` that part of each head alone, and the rest joined to it."""
    if width is None:
        return _turned(tape, one, rotary)
    first = part(tape, one, (*one.shape[:-1], width))
    second = part(tape, one, (*one.shape[:-1], Size("rest of head_dim", one.shape[-1] - width)))
    return joined(tape, (_turned(tape, first, rotary), second), one.shape)


def _turned(tape: Tape, one: Tensor, rotary: Rotary) -> Tensor:
    cos, sin = rotary
    direct = mul(tape, one, cos)
    return add(tape, direct, mul(tape, _half(tape, one), sin))


def _half(tape: Tape, one: Tensor) -> Tensor:
    smaller = (*one.shape[:-1], Size(f"{one.shape[-1].name}/2", one.shape[-1] // 2))
    first, second = part(tape, one, smaller), part(tape, one, smaller)
    return joined(tape, (scale(tape, second), first), one.shape)
