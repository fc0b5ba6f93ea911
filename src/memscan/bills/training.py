"""The bill of a training step: weights, gradients, optimizer, activations, moment by moment."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from memscan.activations import END, Pass, Step
from memscan.activations import Adapter as Lora
from memscan.activations import training as step_of
from memscan.architecture import Settings
from memscan.bills.bill import Bill, peak, verdict
from memscan.bills.experts import experts
from memscan.bills.recipe import SEQUENCE, Recipe
from memscan.bills.runtime import context, fragmentation
from memscan.bills.trained import Subjects, subjects
from memscan.bills.weight_items import largest_linear
from memscan.cache import longest_context
from memscan.devices import Device
from memscan.errors import UsageError
from memscan.estimate import Report
from memscan.item import Basis, Item
from memscan.note import Note
from memscan.optimizers import States, flat, states
from memscan.parallel import (
    BUFFERS,
    DEEPSPEED,
    FSDP,
    GATHERED,
    GRADIENTS,
    STATES,
    STEP_GRADIENTS,
    TORCH,
    WEIGHTS,
    Shares,
    Zero,
    buffers,
    gathered,
    precision,
    shares,
)
from memscan.units import counted, iec_bytes, plural

FORWARD, BACKWARD, STEP = "forward", "backward", "step"
PASSES = frozenset({FORWARD, BACKWARD, END})
RULES = {TORCH: "", FSDP: "torch 2.13 FSDP and ", DEEPSPEED: "DeepSpeed's ZeRO and "}


def training_bill(report: Report, recipe: Recipe, device: Device | None = None) -> Bill:
    """The bill of one step of `recipe` on the scope of `report`, of one of its devices; beside `device`, if one is given.

    Raises UsageError for a recipe that makes no sense for this model.
    """
    recipe.check()
    recipe = _filled(report, recipe)
    engine = FSDP if recipe.fsdp is not None and recipe.stage else DEEPSPEED if recipe.stage else TORCH
    model = subjects(report, recipe, precision(recipe.precision, engine))
    kept = _states(model, recipe, engine)
    items, shared = _items(report, model, recipe, kept)
    items = (*items, context(recipe.cuda_context, recipe.gpus), fragmentation(recipe.allocator, peak(items).nbytes))
    return Bill(
        report=report, command="training", title=_title(recipe, model), rule=RULES[engine] + kept.source, items=items,
        host=shared.host, devices=recipe.gpus, verdict=None if device is None else verdict(items, device, recipe.gpus),
        facts=tuple(_facts(report, model, recipe, shared)), notes=tuple(_notes(model, recipe, kept)),
    )  # fmt: skip


def _filled(report: Report, recipe: Recipe) -> Recipe:
    """The recipe with its sequence length; UsageError where that is longer than the model's."""
    config = report.model.config
    longest = None if config is None else longest_context(Settings.of(config))
    if recipe.seq is None:
        return replace(recipe, seq=SEQUENCE if longest is None else min(SEQUENCE, longest))
    if longest is not None and recipe.seq > longest:
        raise UsageError(
            f"--seq {recipe.seq} is beyond the {longest:,} tokens that {report.model.origin.name} was made for; expected at most"
            f" {longest}"
        )
    return recipe


def _states(model: Subjects, recipe: Recipe, engine: str) -> States:
    """What the optimizer keeps on one device."""
    if not recipe.stage:
        return states(model.trained, recipe.optimizer)
    each = recipe.stage == 3 or engine == FSDP
    return states(
        flat(model.trained, devices=recipe.shards, each=each, dtype=model.precision.stepped), recipe.optimizer
    )  # fmt: skip


def _items(report: Report, model: Subjects, recipe: Recipe, kept: States) -> tuple[tuple[Item, ...], Shares]:
    """The lines of one device, the driver's aside, and what is shared."""
    zero = Zero(stage=recipe.stage, devices=recipe.shards, offload=recipe.offload)
    sizes = [one.elements for one in model.trained]
    shared = shares(zero, model.precision, sizes=sizes, states=kept.nbytes)
    step = _step(report, model, recipe)
    lines = [
        *_weights(model, zero, shared, sizes, kept.nbytes),
        *(item for item in shared.device if item.name not in (WEIGHTS, GRADIENTS, STATES, STEP_GRADIENTS)),
        *(replace(kept.item, nbytes=item.nbytes) for item in shared.device if item.name == STATES),
        *merged(_with_dora(step.items, recipe)),
        *_dequantized(model, recipe),
        *_communication(report, model, zero, sizes),
        *_gradients(shared, step.gradients),
        *(replace(item, phases=frozenset({STEP})) for item in shared.device if item.name == STEP_GRADIENTS),
        replace(kept.step, phases=frozenset({STEP})),
    ]
    return tuple(item for item in lines if item.nbytes != 0), shared


def _with_dora(items: Sequence[Item], recipe: Recipe) -> Iterator[Item]:
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


def _weights(model: Subjects, zero: Zero, shared: Shares, sizes: list[int], kept: int) -> Iterator[Item]:
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


def _gradients(shared: Shares, made: Mapping[str, float]) -> Iterator[Item]:
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


def _step(report: Report, model: Subjects, recipe: Recipe) -> Step:
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


def _communication(report: Report, model: Subjects, zero: Zero, sizes: list[int]) -> Iterator[Item]:
    """Weights and gradients of others."""
    units, config = list(model.units.values()), report.model.config
    fetched = gathered(zero, model.precision, units=units, root=model.root)
    if fetched is not None:
        yield replace(fetched, name=GATHERED, phases=PASSES)
    hidden = None if config is None else Settings.of(config).text.integer("hidden_size")
    own = units if model.adapter is None else [0]
    root = model.root if model.adapter is None else sum(sizes)
    sent = buffers(zero, model.precision, sizes=sizes, units=own, root=root, hidden=hidden)
    if sent is not None:
        # DistributedDataParallel and DeepSpeed keep their buckets from step to step.
        stays = zero.stage == 0 or model.precision.engine == DEEPSPEED
        yield replace(sent, name=BUFFERS, phases=frozenset() if stays else frozenset({BACKWARD, END}))


def _dequantized(model: Subjects, recipe: Recipe) -> Iterator[Item]:
    """One linear layer made dense, in the dtype that a QLoRA computes in."""
    if model.base is None or not model.base.packed or (recipe.qlora or "").startswith("int8"):
        return
    width = 4 if recipe.precision == "fp32" else 2
    found = largest_linear(
        model.dense, model.base, width, PASSES, "the compute dtype of the quantization is taken to be that of the training"
    )
    if found is not None:
        yield found


def _title(recipe: Recipe, model: Subjects) -> str:
    words = [f"{plural(recipe.batch, 'sequence')} of {recipe.seq:,} tokens a device", recipe.optimizer, recipe.precision]
    if recipe.lora is not None:
        targets = "all-linear" if recipe.lora.targets is None else ",".join(recipe.lora.targets)
        words.append(f"LoRA r={recipe.lora.rank} on {targets}" + (f" over {model.base.dtype}" if model.base is not None else ""))
    if recipe.stage or recipe.gpus > 1:
        how = f"FSDP {recipe.fsdp}" if recipe.fsdp else f"ZeRO-{recipe.stage}" if recipe.zero is not None else "data parallel"
        words.append(f"{how} on {plural(recipe.gpus, 'device')}")
    if recipe.offload:
        words.append(f"{recipe.offload} offloaded")
    if recipe.gradient_checkpointing:
        words.append("gradient checkpointing")
    return ", ".join(words)


def _facts(report: Report, model: Subjects, recipe: Recipe, shared: Shares) -> Iterator[str]:
    scope = report.scopes[report.scope]
    trained = sum(one.elements for one in model.trained)
    whole = (scope.parameters or 0) + (trained if model.adapter is not None else 0)
    share = f" ({100 * trained / whole:.2f} %)" if whole else ""
    yield f"{counted(trained)} of {counted(whole)} parameters are trained: {trained:,} of {whole:,}{share}"
    config = report.model.config
    mixture = None if config is None else experts(Settings.of(config).text, scope.tensors, tied=bool(scope.tied))
    if mixture is not None:
        yield mixture.fact
    if shared.host:
        yield f"CPU memory of a node of {plural(recipe.node, 'device')}: {iec_bytes(shared.node(recipe.node))}"


def _notes(model: Subjects, recipe: Recipe, kept: States) -> Iterator[Note]:
    words = [*kept.notes, model.precision.note]
    if model.adapter is not None:
        words += [*model.adapter.notes, model.adapter.assumed or ""]
    if recipe.optimizer == "muon" and recipe.stage:
        words.append(
            "what ZeRO and FSDP flatten has no matrices left for Muon: its states are those of AdamW; DeepSpeed has a Muon of its"
            " own, which memscan does not know"
        )
    for message in words:
        if message:
            yield Note(code="training", message=message)
