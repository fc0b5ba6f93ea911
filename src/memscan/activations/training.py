"""What a step of training holds beside weights, gradients and optimizer states."""

from collections.abc import Mapping
from dataclasses import dataclass

from memscan.activations.base import Adapter, Pass, check
from memscan.activations.choice import chosen
from memscan.activations.forward import line
from memscan.activations.ledger import Kind, Ledger, Peak
from memscan.activations.run import BACKWARD, FORWARD, VOCAB, run_training
from memscan.activations.words import formula, nbytes, parted
from memscan.architecture.settings import Settings
from memscan.errors import LackingError, UsageError
from memscan.item import Basis, Item

PRECISIONS = ("fp32", "bf16", "bf16-mixed", "fp16-mixed")
END = "end of backward"
CASTS = "2 bytes for each weight that the graph holds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step, up to the optimizer's."""

    items: tuple[Item, ...]
    """Lines for the phases `forward`, `backward` and `end of backward`; in the step of the optimizer nothing of it is left."""
    gradients: Mapping[str, float]
    """Of each phase the share of all gradients, by their bytes, that are made by then. With gradients that stay, as when they are
    accumulated over passes, it is 1 throughout, and the phase `end of backward` is no more than `backward`."""


def training(
    settings: Settings, class_name: str | None, one: Pass, *, precision: str, checkpointing: bool, adapter: Adapter | None = None
) -> Step:
    """The lines `activations`, `logits and loss`, and in mixed precision `weights cast for matrix products`.

    `precision`: `fp32`, `bf16`, `bf16-mixed` or `fp16-mixed`, where weights are float32 and matrix products are done in a half by
    autocast. `adapter`: LoRA on a frozen base, whose weights have the dtype of `one`; without it all weights are trained. Raises
    UsageError for what makes no sense.

    Phases: `forward`, up to the loss, when there are no gradients yet. `backward`: the moment of the backward pass at which
    activations, gradients aside, are most. `end of backward`: that at which activations and gradients together are most. The peak
    of a step is the largest of these sums, each with the gradients that are made by then (`Step.gradients`). Gradients are set to
    None between steps, and the model is called without a cache. The loss is transformers' own: in its backward 12 bytes are alive
    for each logit, for log-probabilities, their gradient and that of the logits, all in float32.
    """
    check(one)
    if precision not in PRECISIONS:
        raise UsageError(f"{precision} is no precision of training; expected one of {', '.join(PRECISIONS)}")
    found = chosen(settings, class_name)
    try:
        run = run_training(
            found.recipe,
            found.settings,
            found.adjusted(one),
            precision=precision,
            checkpointing=checkpointing,
            adapter=adapter,
            head=found.head,
        )
    except LackingError as error:
        phases = frozenset({FORWARD, BACKWARD, END})
        unknown = Item(name="activations", nbytes=None, basis=Basis.UNKNOWN, note=str(error), phases=phases)
        return Step(items=(unknown,), gradients={FORWARD: 0, BACKWARD: 1, END: 1})
    shared = "heads and intermediate sizes divided among devices" if one.tensor_parallel > 1 else None
    doubt = "; ".join(filter(None, (found.doubt, *run.doubts, shared)))
    moments = _moments(run.ledger)
    items = [item for phase, peak in moments.items() for item in _lines(phase, peak, doubt, found.remark(one))]
    made = run.gradients
    shares = {phase: peak.kinds.get(Kind.GRADIENTS, 0) / made if made else 0 for phase, peak in moments.items()}
    return Step(items=tuple(items), gradients=shares)


def _moments(ledger: Ledger) -> dict[str, Peak]:
    return {
        FORWARD: ledger.peak(FORWARD, alone=True),
        BACKWARD: ledger.peak(BACKWARD, alone=True),
        END: ledger.peak(BACKWARD),
    }


def _lines(phase: str, peak: Peak, doubt: str, remark: str) -> list[Item]:
    layers, logits = parted(peak, VOCAB)
    made = [line("activations", nbytes(layers), formula(layers), phase, doubt=doubt, remark=remark)]
    if logits:
        made.append(line("logits and loss", nbytes(logits), formula(logits), phase, doubt=doubt))
    casts = peak.kinds.get(Kind.CASTS, 0)
    if casts:
        made.append(line("weights cast for matrix products", casts, CASTS, phase, doubt=doubt))
    return made
