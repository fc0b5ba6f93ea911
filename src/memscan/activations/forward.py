"""What a forward pass without gradients holds beside weights and cache."""

from dataclasses import replace

from memscan.activations.base import ITEMSIZES, Pass, check
from memscan.activations.choice import Chosen, chosen
from memscan.activations.run import LOGITS, PREFILL, Run, run_forward
from memscan.activations.words import TRANSFORMERS, formula
from memscan.architecture.settings import Settings
from memscan.errors import LackingError
from memscan.item import Basis, Item

UNKNOWN = "activations"


def forward(settings: Settings, class_name: str | None, one: Pass, *, logits_tokens: int | None = None) -> tuple[Item, ...]:
    """The lines `activations`, in the phase `prefill`, and `logits`, in the phase `logits`: in each all that is alive then.

    `logits_tokens`: positions of each sequence whose logits are made; `generate` keeps 1, and then a copy of it in float32. With
    it keys and values go into a cache, which is counted elsewhere; what a cache costs while it grows is counted here. None: a
    plain pass without a cache, with the logits of all positions. Raises UsageError for a pass that makes no sense.

    The recipe runs as transformers' code does, under `torch.no_grad` and without padding, and the most that is alive at once is
    counted; an allocator, which rounds and caches, takes more. `sdpa` is taken to be a fused kernel.
    """
    check(one)
    found = chosen(settings, class_name)
    try:
        lines = _lines(found, one, logits_tokens)
    except LackingError as error:
        return (Item(name=UNKNOWN, nbytes=None, basis=Basis.UNKNOWN, note=str(error), phases=frozenset({PREFILL})),)
    if one.tensor_parallel == 1:
        return lines
    whole = _lines(found, replace(one, tensor_parallel=1), logits_tokens)
    return tuple(_shared(line, alone, one) for line, alone in zip(lines, whole, strict=True))


def _lines(found: Chosen, one: Pass, logits_tokens: int | None) -> tuple[Item, ...]:
    run = run_forward(
        found.recipe, found.settings, found.adjusted(one), head=found.head, cached=logits_tokens is not None,
        logits_tokens=logits_tokens,
    )  # fmt: skip
    doubt, remark = "; ".join(filter(None, (found.doubt, *run.doubts))), found.remark(one)
    working = run.ledger.peak(PREFILL, alone=True)
    nbytes, terms = _logits(run, one, logits_tokens)
    return (
        line("activations", working.nbytes, formula(working.terms), PREFILL, doubt=doubt, remark=remark),
        line("logits", nbytes, terms, LOGITS, doubt=doubt),
    )


def _logits(run: Run, one: Pass, logits_tokens: int | None) -> tuple[int, str]:
    """What is alive while the head makes them; or, if that is more, what `generate` then takes: the last ones in float32."""
    peak = run.ledger.peak(LOGITS, alone=True)
    if logits_tokens != 1 or not run.vocab:
        return peak.nbytes, formula(peak.terms)
    each = one.sequences * run.vocab
    after = each * (ITEMSIZES[one.dtype] + ITEMSIZES["float32"])
    if after <= peak.nbytes:
        return peak.nbytes, formula(peak.terms)
    terms = (f"{one.sequences:,} sequences x {run.vocab:,} vocab_size x {width} bytes" for width in (ITEMSIZES[one.dtype], 4))
    return after, " + ".join(terms)


def line(name: str, nbytes: int, terms: str, phase: str, *, doubt: str, remark: str = "") -> Item:
    """One line of a bill: derived; or assumed where there is a doubt, with a range.

    The range is as wide as the nearest recipe was off for the types of `tools/activations/others.py`: from 0.41 to 2.7 times.
    """
    made = Item(
        name=name, nbytes=nbytes, basis=Basis.DERIVED, note="; ".join(filter(None, (doubt, remark))), formula=terms,
        source=TRANSFORMERS, phases=frozenset({phase}),
    )  # fmt: skip
    return made if not doubt else replace(made, basis=Basis.ASSUMED, least=nbytes * 2 // 5, most=3 * nbytes)


def _shared(one: Item, whole: Item, asked: Pass) -> Item:
    devices = asked.tensor_parallel
    if one.nbytes is None or whole.nbytes is None:
        return one
    divided, kept = ("", "heads, ") if asked.heads_whole else ("heads and ", "")
    note = f"{divided}intermediate sizes divided among {devices} devices, {kept}hidden states and logits whole on each"
    return replace(
        one, basis=Basis.ASSUMED, least=min(one.low, whole.low // devices), most=whole.high,
        note="; ".join(filter(None, (one.note, note))),
    )  # fmt: skip
