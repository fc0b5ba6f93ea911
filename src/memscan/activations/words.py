"""A peak in words: its tensors as a sum, with the numbers put in."""

from math import prod

from memscan.activations.ledger import Peak, Size, Sort

TRANSFORMERS = "transformers 5.23.0 and torch 2.13.0, run step by step"


def formula(terms: dict[Sort, int]) -> str:
    """`5 x 2 sequences x 192 tokens x 64 hidden_size x 2 bytes + ...`, the largest first."""
    made = []
    for (shape, itemsize), count in sorted(terms.items(), key=lambda term: -term[1] * prod(term[0][0]) * term[0][1]):
        sizes = [f"{int(size):,} {_named(size)}" for size in shape if size != 1]
        if prod(shape):
            made.append(" x ".join([f"{count:,}", *sizes, f"{itemsize} bytes"]))
    return " + ".join(made)


def _named(size: Size) -> str:
    return size.name if size.name.isidentifier() else f"({size.name})"


def nbytes(terms: dict[Sort, int]) -> int:
    """Their sum."""
    return sum(count * prod(shape) * itemsize for (shape, itemsize), count in terms.items())


def parted(peak: Peak, width: str) -> tuple[dict[Sort, int], dict[Sort, int]]:
    """The activations of a peak: those of the layers, and those whose last dimension is called `width`, the logits."""
    ends = {sort: count for sort, count in peak.terms.items() if sort[0] and sort[0][-1].name == width}
    return {sort: count for sort, count in peak.terms.items() if sort not in ends}, ends
