"""What a reader should know of a method's work, as sentences."""

from collections.abc import Iterable, Sized

from memscan.quantizers.experts import Experts


def sentence(*parts: str | None) -> str | None:
    """What there is of `parts`, in one; None where there is nothing."""
    return "; ".join(part for part in parts if part) or None


def left_experts(found: Iterable[Experts]) -> str | None:
    """That routed experts are left as they are."""
    count = sum(1 for _ in found)
    if not count:
        return None
    return (
        f"the {count:,} tensors of routed experts stay as they are: transformers 5 holds them as parameters, not as linear layers"
    )


def refused(names: Sized, what: str) -> str | None:
    """That the library does not take some weights for their shape; `what` says which shapes it takes."""
    if not names:
        return None
    return f"{len(names):,} weights stay as they are, which the library refuses for their shape: {what}"


def nothing(taken: Sized) -> str | None:
    """That the method takes nothing of the model."""
    return None if taken else "none of its linear layers is of a class that the method takes, so nothing of it is quantized"
