"""The finding of a limit on growth: how large a model is beside how large it was."""

from collections.abc import Sequence
from dataclasses import replace

from memscan.budget.base import Bound, Figure, Finding, Limit
from memscan.budget.growth import allowed
from memscan.budget.verdicts import FAIL, WARN, blank, judged
from memscan.item import Basis
from memscan.units import both_units

GROWTH = "growth"


def grown(
    target: str,
    *,
    before: int,
    after: int,
    growth: str,
    than: str,
    commit: str | None = None,
    is_measured: bool = True,
    gaps: tuple[Sequence[str], Sequence[str]] = ((), ()),
    modules: Sequence[tuple[str, int]] = (),
) -> Finding:
    """What came of the limit `growth` (`5%`, `500MB`, `0`) on `target`, of `after` bytes; it had `before` bytes in `than`.

    `gaps` say what is not counted before and after: where it is the same, it is only warned of, for the growth is that of the
    rest. `modules` are those that grew or shrank, with the bytes. UsageError where `growth` is neither a share nor a size.
    """
    more = allowed(growth, before)
    stated = f"{growth} more than the {before:,} bytes" if more else f"the {before:,} bytes"
    limit = Limit(nbytes=before + more, stated=f"{stated} of {than}")
    old, new = gaps
    unknown = [*new, *(f"before: {gap}" for gap in old if gap not in new)]
    figure = Figure(
        name="total size", nbytes=after, basis=Basis.MEASURED if is_measured else Basis.DERIVED, low=after, high=after,
        bound=Bound.LOWER if unknown else Bound.EXACT, detail="; ".join([_growth(before, after), *unknown]),
    )  # fmt: skip
    start = blank(GROWTH, target, commit=commit, dtype=None, place=None)
    found = judged(start, figure, limit, unknown=WARN if set(old) == set(new) else FAIL)
    return replace(found, facts={"before_bytes": before, "after_bytes": after, "modules": tuple(modules)})


def _growth(before: int, after: int) -> str:
    if after == before:
        return "it has not grown"
    share = f", {100 * abs(after - before) / before:,.1f} %" if before else ""
    return (
        f"it {'grew' if after > before else 'shrank'} by {abs(after - before):,} bytes ({both_units(abs(after - before))}{share})"
    )
