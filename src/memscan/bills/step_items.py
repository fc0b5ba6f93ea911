"""The lines of a training step: weights, gradients, activations, what devices send each other."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from memscan.activations import END, Pass, Step
from memscan.activations import Adapter as Lora
from memscan.activations import training as step_of
from memscan.architecture.settings import Settings
from memscan.bills.recipe import Recipe
from memscan.bills.trained import Subjects
from memscan.bills.weight_items import largest_linear
from memscan.estimate import Report
from memscan.item import Basis, Item
from memscan.parallel import BUFFERS, DEEPSPEED, GATHERED, GRADIENTS, TORCH, WEIGHTS, Shares, Zero, buffers, gathered, shares
from memscan.units import plural

FORWARD, BACKWARD, STEP = "forward", "backward", "step"
PASSES = frozenset({FORWARD, BACKWARD, END})


def weight_lines(model: Subjects, zero: Zero, shared: Shares, sizes: list[int], kept: int) -> Iterator[Item]:
    """What is trained, and what is frozen below it."""
    own = next((item for item in shared.device if item.name == WEIGHTS), None)
    if own is not None:
        yield replace(own, name="weights" if model.adapter is None else "adapters")
    frozen = sum(tensor.nbytes for tensor in model.frozen) + model.upcast
    both = shares(zero, model.precision, sizes=sizes, states=kept, frozen=frozen)
    nbytes = both.named(WEIGHTS) - shared.named(WEIGHTS)
    if nbytes:
        widened = f", widened by peft by {model.upcast:,} bytes" if model.upcast else ""
        basis = Basis.DERIVED if model.base is None else model.base.basis
        yield Item(
            name="frozen weights", nbytes=nbytes, basis=Basis.DERIVED if basis is Basis.MEASURED else basis,
            note=model.base.note if model.base is not None else "",
            formula=f"{plural(len(model.frozen), 'tensor')}, {'integer' if model.base is None else model.base.dtype}{widened}",
        )  # fmt: skip
    if model.buffers:
        yield Item(name="buffers", nbytes=model.buffers, basis=Basis.DERIVED, formula="buffers of the class")


def gradient_lines(shared: Shares, made: Mapping[str, float]) -> Iterator[Item]:
    """All of them when the optimizer steps; by then as many as the backward pass has made."""
    found = next((item for item in shared.device if item.name == GRADIENTS), None)
    if found is None or not found.nbytes:
        return
    whole = frozenset({STEP, *(phase for phase, share in made.items() if share >= 1)})
    yield replace(found, phases=whole)
    for phase, share in made.items():
        if 0 < share < 1:
            nbytes = round(found.nbytes * share)
            formula = f"{share:.4%} of {found.nbytes:,} bytes"
            yield replace(found, name="gradients made by then", nbytes=nbytes, formula=formula, phases=frozenset({phase}))


def activations_of(report: Report, model: Subjects, recipe: Recipe) -> Step:
    """Activations, logits and loss."""
    config = report.model.config
    settings = Settings(None, {}) if config is None else Settings.of(config)
    half = "float16" if recipe.precision.startswith("fp16") else "bfloat16"
    mixed = recipe.precision.endswith("-mixed")
    cast = mixed and model.precision.engine != TORCH  # weights are in 16 bits already when a matrix product reads them
    whole = recipe.precision == "fp32" or (mixed and not cast and (model.base is None or not model.base.packed))
    one = Pass(
        tokens=recipe.seq or 1, sequences=recipe.batch, dtype="float32" if whole else half, attention=recipe.attention
    )  # fmt: skip
    adapter = None
    if recipe.lora is not None:
        targets = None if recipe.lora.targets is None else frozenset(recipe.lora.targets)
        adapter = Lora(rank=recipe.lora.rank, targets=targets, dropout=recipe.lora.dropout)
    scope = report.scopes[report.scope]
    name = scope.class_name or (None if config is None else config.architecture)
    found = step_of(
        settings, name, one, precision="bf16" if cast else recipe.precision, checkpointing=recipe.gradient_checkpointing,
        adapter=adapter,
    )  # fmt: skip
    return replace(found, items=tuple(_widened(found.items))) if model.upcast else found


def _widened(items: Iterable[Item]) -> Iterator[Item]:
    """What peft widens, norms and embeddings, makes hidden states of float32, which autocast may narrow again."""
    for item in items:
        note = "; ".join(filter(None, (item.note, "hidden states may be float32 after prepare_model_for_kbit_training")))
        yield item if item.nbytes is None else replace(item, basis=Basis.ASSUMED, least=item.low, most=2 * item.high, note=note)


def with_dora(items: Iterable[Item], recipe: Recipe) -> Iterator[Item]:
    """DoRA makes each adapted weight anew in every pass, which no recipe of activations has."""
    for item in items:
        if recipe.lora is None or not recipe.lora.dora or item.nbytes is None:
            yield item
        else:
            note = "; ".join(filter(None, (item.note, "of LoRA: what DoRA makes of the weights is not counted")))
            yield replace(item, basis=Basis.ASSUMED, least=item.low, most=2 * item.high, note=note)


def merged(items: Iterable[Item]) -> Iterator[Item]:
    """The lines, those that are the same in several phases once."""
    phases: dict[Item, frozenset[str]] = {}
    for item in items:
        same = replace(item, phases=frozenset())
        phases[same] = phases.get(same, frozenset()) | item.phases
    for item, held in phases.items():
        yield replace(item, phases=held)


def communication_lines(report: Report, model: Subjects, zero: Zero, sizes: list[int]) -> Iterator[Item]:
    """Weights and gradients of others."""
    config = report.model.config
    fetched = gathered(zero, model.precision, units=model.units, root=model.root)
    if fetched is not None:
        yield replace(fetched, name=GATHERED, phases=PASSES)
    hidden = None if config is None else Settings.of(config).text.integer("hidden_size")
    own = [unit.elements for unit in model.units] if model.adapter is None else [0]
    root = model.root.elements if model.adapter is None else sum(sizes)
    sent = buffers(zero, model.precision, sizes=sizes, units=own, root=root, hidden=hidden)
    if sent is not None:
        # DistributedDataParallel and DeepSpeed keep their buckets from step to step.
        stays = zero.stage == 0 or model.precision.engine == DEEPSPEED
        yield replace(sent, name=BUFFERS, phases=frozenset() if stays else frozenset({BACKWARD, END}))


def dequantization_lines(model: Subjects, recipe: Recipe) -> Iterator[Item]:
    """One linear layer made dense, in the dtype that a QLoRA computes in."""
    if model.base is None or not model.base.packed or (recipe.qlora or "").startswith("int8"):
        return
    width = 4 if recipe.precision == "fp32" else 2
    found = largest_linear(
        model.dense, model.base, width, PASSES, "the compute dtype of the quantization is taken to be that of the training"
    )
    if found is not None:
        yield found
