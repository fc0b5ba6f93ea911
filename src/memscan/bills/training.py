"""The bill of a training step: weights, gradients, optimizer, activations, moment by moment."""

from collections.abc import Iterator
from dataclasses import replace

from memscan.architecture.settings import Settings
from memscan.bills.bill import Bill, peak, verdict
from memscan.bills.experts import experts
from memscan.bills.recipe import SEQUENCE, Recipe
from memscan.bills.runtime import context, fragmentation
from memscan.bills.step_items import (
    STEP,
    activations_of,
    communication_lines,
    dequantization_lines,
    gradient_lines,
    merged,
    weight_lines,
    with_dora,
)
from memscan.bills.trained import Subjects, subjects
from memscan.cache import longest_context, usual_context
from memscan.devices import Device
from memscan.errors import UsageError
from memscan.estimate import Report
from memscan.item import Item
from memscan.note import Note
from memscan.optimizers import States, flat, states
from memscan.parallel import (
    DEEPSPEED,
    FSDP,
    GRADIENTS,
    STATES,
    STEP_GRADIENTS,
    TORCH,
    WEIGHTS,
    Shares,
    Zero,
    precision,
    shares,
)
from memscan.units import counted, iec_bytes, plural

RULES = {TORCH: "", FSDP: "torch 2.13 FSDP and ", DEEPSPEED: "DeepSpeed's ZeRO and "}


def training_bill(report: Report, recipe: Recipe, device: Device | None = None) -> Bill:
    """The bill of one step of `recipe` on the scope of `report`, of one of its devices; beside `device`, if one is given.

    Raises UsageError for a recipe that makes no sense for this model.
    """
    recipe.check()
    recipe.check_node()
    recipe = _filled(report, recipe)
    engine = FSDP if recipe.fsdp is not None and recipe.stage else DEEPSPEED if recipe.stage else TORCH
    model = subjects(report, recipe, precision(recipe.precision, engine))
    kept = _states(model, recipe, engine)
    items, shared = _items(report, model, recipe, kept)
    items, shared = _on(device, (*items, *_driver(recipe, device, items)), shared)
    return Bill(
        report=report, command="training", title=_title(recipe, model), rule=RULES[engine] + kept.source, items=items,
        host=shared.host, devices=recipe.gpus, verdict=None if device is None else verdict(items, device, recipe.gpus),
        facts=tuple(_facts(report, model, recipe, shared)), notes=tuple(_notes(model, recipe, kept, device)),
    )  # fmt: skip


def _filled(report: Report, recipe: Recipe) -> Recipe:
    """The recipe with its sequence length; UsageError where that is longer than the model's."""
    config = report.model.config
    longest = None if config is None else longest_context(Settings.of(config))
    if recipe.seq is None:
        usual = None if config is None else usual_context(Settings.of(config))
        return replace(recipe, seq=SEQUENCE if usual is None else min(SEQUENCE, usual))
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
    step = activations_of(report, model, recipe)
    lines = [
        *weight_lines(model, zero, shared, sizes, kept.nbytes),
        *(item for item in shared.device if item.name not in (WEIGHTS, GRADIENTS, STATES, STEP_GRADIENTS)),
        *(replace(kept.item, nbytes=item.nbytes) for item in shared.device if item.name == STATES),
        *merged(with_dora(step.items, recipe)),
        *dequantization_lines(model, recipe),
        *communication_lines(report, model, zero, sizes),
        *gradient_lines(shared, step.gradients),
        *(replace(item, phases=frozenset({STEP})) for item in shared.device if item.name == STEP_GRADIENTS),
        replace(kept.step, phases=frozenset({STEP})),
    ]
    return tuple(item for item in lines if item.nbytes != 0), shared


def _driver(recipe: Recipe, device: Device | None, items: tuple[Item, ...]) -> tuple[Item, ...]:
    """What CUDA and its caching allocator take, where `device` has them."""
    if device is not None and not device.cuda:
        return ()
    return (context(recipe.cuda_context, recipe.gpus), fragmentation(recipe.allocator, peak(items).nbytes))


def _on(device: Device | None, items: tuple[Item, ...], shared: Shares) -> tuple[tuple[Item, ...], Shares]:
    """The lines in the memory of `device`: those of the CPU too, where that is the same."""
    if device is None or not device.shares_memory:
        return items, shared
    moved = (replace(item, name=f"{item.name}: offloaded") for item in shared.host if item.nbytes != 0)
    return (*items, *moved), replace(shared, host=())


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


def _notes(model: Subjects, recipe: Recipe, kept: States, device: Device | None) -> Iterator[Note]:
    words = [*kept.notes, model.precision.note]
    if recipe.offload is not None and device is not None and device.shares_memory:
        words.append(f"--offload {recipe.offload} makes no room: the memory of the device is that of the CPU")
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
