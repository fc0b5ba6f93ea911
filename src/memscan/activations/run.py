"""One pass, run in a ledger."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from memscan.activations.base import ITEMSIZES, Adapter, Pass
from memscan.activations.families import Recipe
from memscan.activations.ledger import Kind, Ledger, Size
from memscan.activations.setup import Setup
from memscan.activations.tape import FULL, HALF, Tape
from memscan.architecture.settings import Settings

PREFILL, LOGITS, FORWARD, BACKWARD = "prefill", "logits", "forward", "backward"
VOCAB = "vocab_size"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of it."""

    ledger: Ledger
    """With the peaks of its phases."""
    doubts: Sequence[str]
    """What the recipe took to be so."""
    vocab: int = 0
    """Logits of a position; 0 where the model makes none."""
    gradients: int = 0
    """Bytes of all that the step makes."""


def run_forward(
    recipe: Recipe, settings: Settings, one: Pass, *, head: str = "", cached: bool = False, logits_tokens: int | None = None
) -> Run:
    """A pass without gradients: the phases `prefill` and `logits`."""
    setup = _setup(one, ITEMSIZES[one.dtype], trained=False, cached=cached, head=head)
    tape = Tape(gradients=False, dropping=False, counted=one.counted, sequences=one.sequences)
    model = recipe(settings, setup)
    tape.ledger.enter(PREFILL)
    hidden = model.hidden(tape)
    tape.ledger.enter(LOGITS)
    if logits_tokens is not None:
        sequences, tokens, width = hidden.shape
        hidden = hidden.view((sequences, Size("logits_tokens", min(logits_tokens, tokens)), width))
    last = model.logits(tape, hidden).shape[-1]
    return Run(ledger=tape.ledger, doubts=setup.doubts, vocab=last if last.name == VOCAB else 0)


def run_training(
    recipe: Recipe,
    settings: Settings,
    one: Pass,
    *,
    precision: str,
    checkpointing: bool,
    adapter: Adapter | None = None,
    head: str = "",
) -> Run:
    """A step of training up to the optimizer's: the phases `forward` and `backward`."""
    mixed = precision.endswith("-mixed")
    itemsize = FULL if mixed or precision == "fp32" else HALF
    setup = _setup(
        one, itemsize if adapter is None else ITEMSIZES[one.dtype], trained=adapter is None, adapter=adapter, head=head
    )
    tape = Tape(
        gradients=True, dropping=True, counted=one.counted, sequences=one.sequences, autocast=HALF if mixed else None,
        checkpointing=checkpointing, wanting=checkpointing and adapter is not None,
    )  # fmt: skip
    model = recipe(settings, setup)
    tape.ledger.enter(FORWARD)
    loss = model.loss(tape, model.hidden(tape))
    if loss.node is None and adapter is not None and adapter.targets is not None:
        run = run_training(
            recipe, settings, one, precision=precision, checkpointing=checkpointing, adapter=replace(adapter, targets=None),
            head=head,
        )  # fmt: skip
        return replace(
            run, doubts=(*run.doubts, "the recipe has no layers of the adapter's names: all of its layers are adapted")
        )
    tape.ledger.enter(BACKWARD)
    tape.backward(loss)
    return Run(ledger=tape.ledger, doubts=setup.doubts, gradients=tape.ledger.live[Kind.GRADIENTS])


def _setup(one: Pass, itemsize: int, *, trained: bool, cached: bool = False, adapter: Adapter | None = None, head: str) -> Setup:
    return Setup(
        sequences=Size("sequences", one.sequences),
        tokens=Size("tokens", one.tokens),
        past=one.past,
        target=one.target,
        itemsize=itemsize,
        trained=trained,
        eager=one.attention == "eager",
        cached=cached,
        adapter=adapter,
        head=head,
        shards=one.tensor_parallel,
        heads_whole=one.heads_whole,
    )
